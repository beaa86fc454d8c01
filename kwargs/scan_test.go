package kwargs

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// TestScanOrder checks which one of two faults is named: that of the document
// as a whole before those inside, else the first one.
func TestScanOrder(t *testing.T) {
	deep := any(1)
	for range 3 {
		deep = bson.A{deep}
	}
	twice := bson.D{{Key: "k", Value: 1}, {Key: "k", Value: 1}}
	broken := doc(t, "a", twice, "b", true)
	broken[len(broken)-5] = 0x30 // no BSON type
	badBool := doc(t, "a", bson.A{1, true}, "b", twice)
	badBool[strings.IndexByte(string(badBool), 8)+3] = 2
	for name, c := range map[string]struct {
		raw          bson.Raw
		field, words string
	}{
		"first fault":         {doc(t, "a", bson.D{{Key: "x", Value: twice}}, "b", "\xff"), "a.x.k", "twice"},
		"text":                {doc(t, "a", "\xff", "b", twice), "a", "UTF-8"},
		"key":                 {doc(t, "a", bson.D{{Key: "\xff", Value: "\xff"}}), `a."\xff"`, "key is not valid UTF-8"},
		"broken comes before": {broken, "", "well-formed"},
		"boolean":             {badBool, "a.1", "well-formed"},
		"depth":               {doc(t, "a", deep, "a", 1), "a.0.0", "deeper than 3"},
		"after a scope":       {doc(t, "a", bson.CodeWithScope{Code: "x", Scope: twice}), "a.k", "twice"},
	} {
		fault := (scan{max: 3, utf8: true}).document(c.raw, 1, false)
		if fault == nil || fault.field() != c.field || !strings.Contains(fault.reason, c.words) {
			t.Errorf("%s: got %+v", name, fault)
		}
	}
}

func TestScanAllocatesNothing(t *testing.T) {
	raw := doc(t, "n", int64(1), "text", "x", "list", bson.A{bson.D{{Key: "a", Value: true}}}, "bytes", []byte{1})
	allocs := testing.AllocsPerRun(100, func() {
		if fault := (scan{max: maxDepth, utf8: true}).document(raw, 1, false); fault != nil {
			t.Fatal(fault)
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}
