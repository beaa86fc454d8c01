module github.com/lgtask/lgtask/bench/peers/peer

go 1.25.0
