// Command river lets the benchmark measure River.
//
// Tuned means FetchCooldown and FetchPollInterval at the least that River allows,
// a millisecond, instead of 100 ms and one second, and a pool of 40 connections
// instead of pgx's four. All else is as River has it.
package main

import (
	"os"

	"github.com/lgtask/lgtask/bench/peers/peer"
)

func main() {
	os.Exit(peer.Main(os.Args[1:], newProducer, newWorker))
}
