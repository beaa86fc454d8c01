package main

import (
	"io"
)

// counts are what is counted of a text.
type counts struct {
	Lines int64 // line feeds
	Words int64 // runs of bytes other than ASCII white space
	Bytes int64
}

func (c *counts) add(d counts) {
	c.Lines += d.Lines
	c.Words += d.Words
	c.Bytes += d.Bytes
}

// total is the sum over some files.
type total struct {
	Files  int64
	Counts counts `bson:",inline"`
}

func (t *total) add(d total) {
	t.Files += d.Files
	t.Counts.add(d.Counts)
}

// count counts what r holds.
func count(r io.Reader) (counts, error) {
	var c counts
	buf := make([]byte, 64<<10)
	inWord := false
	for {
		n, err := r.Read(buf)
		c.Bytes += int64(n)
		for _, b := range buf[:n] {
			space := b == ' ' || '\t' <= b && b <= '\r'
			if !space && !inWord {
				c.Words++
			}
			inWord = !space
			if b == '\n' {
				c.Lines++
			}
		}
		if err == io.EOF {
			return c, nil
		}
		if err != nil {
			return c, err
		}
	}
}
