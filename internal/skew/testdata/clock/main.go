// Clock prints what time it believes it is, how long the time given, by default a
// millisecond, took it, and what time it believes it is then.
package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	d := time.Millisecond
	if len(os.Args) > 1 {
		var err error
		if d, err = time.ParseDuration(os.Args[1]); err != nil {
			panic(err)
		}
	}
	began := time.Now()
	<-time.After(d)
	fmt.Println(began.UnixNano(), time.Since(began).Nanoseconds(), time.Now().UnixNano())
}
