package kwargs_test

import (
	"context"
	"fmt"
	"log"

	"github.com/lgtask/lgtask/kwargs"
)

// A class with kwargs in the names that another language would write.
func ExampleBinder() {
	type MyAppTask struct {
		TaskDB string
		Arg    int    `lgtask:"required"`
		Label  string `bson:"label,omitempty"`
	}
	b, err := kwargs.NewBinder(kwargs.Options{})
	if err != nil {
		log.Fatal(err)
	}
	raw, err := b.Encode(MyAppTask{TaskDB: "mongodb://host/app", Arg: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(raw)

	var task MyAppTask
	release, err := b.Decode(context.Background(), raw, &task)
	if err != nil {
		log.Fatal(err)
	}
	defer release()
	fmt.Println(task.Arg, task.TaskDB)
	// Output:
	// {"taskDb": "mongodb://host/app","arg": {"$numberInt":"1"}}
	// 1 mongodb://host/app
}
