package job_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/chargehand/chargehand/core/job"
	"github.com/chargehand/chargehand/core/store"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// fileStep keeps a file; its fields are what is stored of it.
type fileStep struct{ Path, Text string }

func (f fileStep) Check(context.Context) (bool, error) {
	have, err := os.ReadFile(f.Path)
	return err == nil && string(have) == f.Text, nil
}

func (f fileStep) Do(ctx context.Context) error {
	job.Note(ctx, "writing %s", filepath.Base(f.Path))
	return os.WriteFile(f.Path, []byte(f.Text), 0o600)
}

func (f fileStep) Undo(context.Context) error { return os.RemoveAll(f.Path) }

// A plan is enqueued in the transaction of the change that it belongs to, and
// waited for after the commit.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir, err := os.MkdirTemp("", "job")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	db, err := sqldb.Open(ctx, "sqlite:"+filepath.Join(dir, "x.db"), sqldb.Options{})
	if err != nil {
		panic(err)
	}
	defer func() { _ = db.Close() }()
	if err := store.Migrate(ctx, db, slog.New(slog.DiscardHandler)); err != nil {
		panic(err)
	}

	registry := job.NewRegistry()
	job.Register(registry, "file", func(f fileStep) (job.Step, error) { return f, nil })
	engine := job.New(store.NewJobs(db), registry, job.Options{Sole: true})
	ended := make(chan error)
	go func() { ended <- engine.Run(ctx) }()

	var id string
	err = db.Transact(ctx, func(tx *sqldb.Tx) error {
		var err error
		id, err = engine.Enqueue(ctx, tx, job.Plan{
			Kind: "greeting", Label: "Write a greeting", Subject: "greeting/1",
			Steps: []job.PlanStep{
				{Name: "first half", Kind: "file", Args: fileStep{filepath.Join(dir, "a"), "hello "}, Priority: 10},
				{Name: "second half", Kind: "file", Args: fileStep{filepath.Join(dir, "no", "such", "folder"), "world"}, Priority: 20, Attempts: 1},
			},
		})
		return err
	})
	if err != nil {
		panic(err)
	}
	run, err := engine.Wait(ctx, id)
	if err != nil {
		panic(err)
	}
	fmt.Println(run.State)
	for _, s := range run.Steps {
		fmt.Println(s.Name, s.State)
	}
	cancel()
	<-ended
	// Output:
	// undone
	// first half undone
	// second half undone
}
