// Clock prints what time it believes it is, and how long a millisecond took it.
package main

import (
	"fmt"
	"time"
)

func main() {
	began := time.Now()
	<-time.After(time.Millisecond)
	fmt.Println(began.UnixNano(), time.Since(began).Nanoseconds())
}
