package timers_test

import (
	"context"
	"fmt"
	"time"

	"github.com/lgtask/lgtask/timers"
)

func ExampleParseWhen() {
	spec, err := timers.ParseWhen("2 hours 5 minutes")
	fmt.Println(spec.Delay, err)
	_, err = timers.ParseWhen("5 parsecs")
	fmt.Println(err)
	// Output:
	// 2h5m0s <nil>
	// cannot read "5 parsecs": unknown unit "parsecs" (known: week, day, hour, minute, second, millisecond); write, for example, "2 hours 5 minutes"
}

// The clock in Berlin goes from 02:00 to 03:00 on the 29th.
func ExampleParseCron() {
	c, err := timers.ParseCron("CRON_TZ=Europe/Berlin 30 2 * * *")
	if err != nil {
		fmt.Println(err)
		return
	}
	next := time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC)
	for range 3 {
		next = c.Next(next)
		fmt.Println(next)
	}
	// Output:
	// 2026-03-28 02:30:00 +0100 CET
	// 2026-03-29 03:00:00 +0200 CEST
	// 2026-03-30 02:30:00 +0200 CEST
}

func ExampleTimer() {
	ctx, cancel := context.WithCancel(context.Background())
	timer := timers.New(timers.Options[string]{
		Fire: func(keys []string) {
			fmt.Println(keys)
			cancel()
		},
	})
	timer.Set("tea", time.Now().Add(10*time.Millisecond))
	fmt.Println(timer.Run(ctx))
	// Output:
	// [tea]
	// <nil>
}
