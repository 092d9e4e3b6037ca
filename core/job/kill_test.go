package job_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/core/job"
	"github.com/chargehand/chargehand/core/store"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// A kept file is written in two halves, so that a kill can leave one.
type keptFile struct {
	Path string
	Bad  bool // fails for good after the first half
}

const content = "all of it"

func (f keptFile) Check(context.Context) (bool, error) {
	have, err := os.ReadFile(f.Path)
	return err == nil && string(have) == content, nil
}

func (f keptFile) Do(context.Context) error {
	if err := os.WriteFile(f.Path, []byte(content[:4]), 0o600); err != nil {
		return err
	}
	if f.Bad {
		return errs.New(errs.Invalid, "this one is to fail")
	}
	return os.WriteFile(f.Path, []byte(content), 0o600)
}

func (f keptFile) Undo(context.Context) error { return os.RemoveAll(f.Path) }

func openKept(ctx context.Context, dir string) (*sqldb.DB, *job.Engine, error) {
	db, err := sqldb.Open(ctx, "sqlite:"+filepath.Join(dir, "jobs.db"), sqldb.Options{})
	if err != nil {
		return nil, nil, err
	}
	if err := store.Migrate(ctx, db, slog.New(slog.DiscardHandler)); err != nil {
		return nil, nil, err
	}
	registry := job.NewRegistry()
	job.Register(registry, "file", func(f keptFile) (job.Step, error) { return f, nil })
	return db, job.New(store.NewJobs(db), registry, job.Options{Sole: true, Poll: 20 * time.Millisecond}), nil
}

// victim is the program that is killed: it enqueues plans and says so, until it
// is no more.
func victim(dir string) error {
	ctx := context.Background()
	db, engine, err := openKept(ctx, dir)
	if err != nil {
		return err
	}
	go func() { _ = engine.Run(ctx) }()
	for i := 0; ; i++ {
		p := job.Plan{Kind: "files", Label: "Keep files", Subject: fmt.Sprint("s/", i%3)}
		bad := rand.IntN(2) == 0
		for j := range 4 {
			path := filepath.Join(dir, "files", fmt.Sprintf("%d-%d-%d", os.Getpid(), i, j))
			p.Steps = append(p.Steps, job.PlanStep{Name: fmt.Sprint(j), Kind: "file", Args: keptFile{Path: path, Bad: bad && j == 3}})
		}
		var id string
		err := db.Transact(ctx, func(tx *sqldb.Tx) error {
			var err error
			id, err = engine.Enqueue(ctx, tx, p)
			return err
		})
		if err != nil {
			return err
		}
		fmt.Println("enqueued", id)
		if _, err := engine.Wait(ctx, id); err != nil {
			return err
		}
	}
}

// TestKillNine kills the program with signal 9 at random moments: every plan
// whose commit was told is then finished or undone, and no file is left over.
func TestKillNine(t *testing.T) {
	if dir := os.Getenv("JOB_TEST_VICTIM"); dir != "" {
		t.Fatal(victim(dir))
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "files"), 0o700); err != nil {
		t.Fatal(err)
	}
	var told []string
	const kills = 25
	for range kills {
		told = append(told, killOnce(t, dir)...)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	db, engine, err := openKept(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	running, stop := context.WithCancel(ctx)
	ended := make(chan error)
	go func() { ended <- engine.Run(running) }()
	var want []string
	states := map[job.State]int{}
	runs, err := engine.List(ctx, job.Query{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		told = slices.DeleteFunc(told, func(id string) bool { return id == r.ID })
		final, err := engine.Wait(ctx, r.ID)
		if err != nil {
			t.Fatalf("%s: %v", r.ID, err)
		}
		states[final.State]++
		for _, s := range final.Steps {
			var args keptFile
			if err := json.Unmarshal(s.Args, &args); err != nil {
				t.Fatal(err)
			}
			if final.State == job.Done {
				want = append(want, args.Path)
			}
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(told) > 0 {
		t.Errorf("plans that were told are lost: %v", told)
	}
	have, err := filepath.Glob(filepath.Join(dir, "files", "*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("%d files, want %d", len(have), len(want))
	}
	for _, path := range have {
		if text, err := os.ReadFile(path); err != nil || string(text) != content {
			t.Errorf("half a file: %s %v", path, err)
		}
	}
	t.Logf("%d kills, %d plans: %v; %d files, no orphan", kills, len(runs), states, len(have))
	if states[job.Done] == 0 || states[job.Undone] == 0 {
		t.Error("the kills came too early to show anything")
	}
}

// killOnce starts the victim, kills it and gives the ids that it told.
func killOnce(t *testing.T, dir string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKillNine$")
	cmd.Env = append(os.Environ(), "JOB_TEST_VICTIM="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ids []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "enqueued "); ok {
			if ids = append(ids, id); len(ids) == 1 {
				time.AfterFunc(time.Duration(rand.IntN(120))*time.Millisecond, func() { _ = cmd.Process.Kill() })
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if len(ids) == 0 {
		t.Fatal("the victim never got to work")
	}
	return ids
}
