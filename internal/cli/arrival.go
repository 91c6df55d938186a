package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/client"
)

// Bounds of one call. The lines of a batch travel as JSON strings in one body of the API, which is at most 64 KiB.
const (
	importLines = 500
	importBytes = 60 << 10 // of the lines as JSON
	exportLines = 200
	// progressEvery is how often the progress of a transfer is told.
	progressEvery = time.Second
)

// errIncomplete says that the import went through and not everybody came in. The report has said why.
var errIncomplete = errors.New("not every line was imported")

type usersImportCmd struct {
	File     string `arg:"" help:"File with one JSON object a line (docs/import.md); - for standard input."`
	DryRun   bool   `help:"Check every line and write nothing."`
	Existing string `enum:"skip,fail" default:"skip" help:"What to do about users who are there: skip them, or fail: stop at the first."`
	From     int    `default:"1" placeholder:"LINE" help:"Begin at this line of the file."`
}

// Run streams the file through the server in batches, and tells what became of each line.
func (c usersImportCmd) Run(e *env, parent *usersCmd) error {
	file, size, err := e.open(c.File)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	return e.ask(parent.App, func(ask *client.Client) error {
		t := &transfer{e: e, cmd: c, ask: ask, size: size, began: time.Now(), seen: clashes{}}
		err := t.read(file)
		if err == nil {
			err = t.send()
		}
		return t.finish(err)
	})
}

// open opens a file to read, or standard input, and tells its size; 0 if nobody knows.
func (e *env) open(name string) (io.ReadCloser, int64, error) {
	if name == "-" {
		return io.NopCloser(e.in), 0, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}

// transfer is one import on its way. It holds one batch of lines at a time, however long the file is.
type transfer struct {
	e       *env
	cmd     usersImportCmd
	ask     *client.Client
	size    int64 // of the file; 0: unknown
	began   time.Time
	told    time.Time // when progress was last told
	bytes   int64     // bytes so far
	line    int       // of the file, the last one read
	first   int       // of the batch
	batch   []string
	encoded int // bytes of the batch as JSON
	total   importSummary
	seen    clashes // of a dry run, which makes nobody that the next batch could clash with
}

// importSummary is what an import ends with.
type importSummary struct {
	DryRun     bool `json:"dry_run"`
	Stopped    bool `json:"stopped"`
	Lines      int  `json:"lines"`   // looked at
	Created    int  `json:"created"` // in a dry run those that would be
	Existing   int  `json:"existing"`
	Invalid    int  `json:"invalid"`
	Incomplete int  `json:"incomplete"` // created, and something was not carried
	Through    int  `json:"through"`    // every line up to this one is dealt with
}

// errStopped ends the reading of a file at the first user who is there.
var errStopped = errors.New("a user of the file is there already")

// read sends the lines of the file in batches, all but the last one.
func (t *transfer) read(file io.Reader) error {
	lines := bufio.NewReaderSize(file, 64<<10)
	for {
		text, err := t.next(lines)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", t.cmd.File, err)
		}
		if t.line < t.cmd.From {
			continue
		}
		if err := t.add(text); err != nil {
			return err
		}
	}
}

// next reads a line. Of one that no body of the API could carry it keeps just enough to tell that.
func (t *transfer) next(lines *bufio.Reader) (string, error) {
	var out []byte
	for {
		part, err := lines.ReadSlice('\n')
		t.bytes += int64(len(part))
		if room := importBytes + 1 - len(out); room > 0 {
			out = append(out, part[:min(len(part), room)]...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && len(out) == 0 {
			return "", err
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		t.line++
		return strings.TrimRight(string(out), "\r\n"), nil
	}
}

// add puts a line into the batch, which is sent before it grows too large. Empty lines count and are left out.
func (t *transfer) add(text string) error {
	if strings.TrimSpace(text) == "" {
		return t.send()
	}
	encoded, err := json.Marshal(text)
	if err != nil {
		return err
	}
	if len(encoded) > importBytes {
		return t.tooLong()
	}
	if len(t.batch) == importLines || t.encoded+len(encoded) > importBytes {
		if err := t.send(); err != nil {
			return err
		}
	}
	if len(t.batch) == 0 {
		t.first = t.line
	}
	t.batch, t.encoded = append(t.batch, text), t.encoded+len(encoded)+1
	return nil
}

// tooLong reports a line that is not sent at all.
func (t *transfer) tooLong() error {
	if err := t.send(); err != nil {
		return err
	}
	l := client.ImportedLine{Line: t.line, Outcome: "invalid", Reason: "The line is too long.", NotCarried: []string{}}
	t.total.add(l)
	return t.print(l)
}

// send lets the server import the batch and prints what became of it.
func (t *transfer) send() error {
	if len(t.batch) == 0 {
		return nil
	}
	in := client.ImportBatch{Lines: t.batch, FirstLine: t.first, DryRun: t.cmd.DryRun, Existing: t.cmd.Existing}
	if t.cmd.DryRun {
		in.Existing = "skip" // who is there is known only when the lines are compared with those of other batches
	}
	report, err := t.ask.ImportUsers(t.e.ctx, in)
	if err != nil {
		return err
	}
	t.batch, t.encoded = t.batch[:0], 0
	for _, l := range report.Lines {
		if t.total.Stopped {
			l = client.ImportedLine{Line: l.Line, Outcome: "not-reached", ExternalID: l.ExternalID, Email: l.Email, NotCarried: []string{}}
		}
		t.seen.check(&l)
		t.total.add(l)
		t.total.Stopped = t.total.Stopped || l.Outcome == "exists" && t.cmd.Existing == "fail"
		if err := t.print(l); err != nil {
			return err
		}
	}
	if t.total.Stopped {
		return errStopped
	}
	t.progress()
	return nil
}

// add counts a line.
func (s *importSummary) add(l client.ImportedLine) {
	if l.Outcome == "not-reached" {
		return
	}
	s.Lines, s.Through = s.Lines+1, l.Line
	switch l.Outcome {
	case "created", "valid":
		s.Created++
	case "exists":
		s.Existing++
	case "invalid":
		s.Invalid++
	}
	if len(l.NotCarried) > 0 {
		s.Incomplete++
	}
}

// print tells what became of a line: of each with --json, else of those that somebody should look at.
func (t *transfer) print(l client.ImportedLine) error {
	if t.e.json {
		return json.NewEncoder(t.e.stdout).Encode(l)
	}
	who := printable(first(l.ExternalID, l.Email, "-"))
	var text string
	switch {
	case l.Outcome == "invalid", l.Outcome == "exists" && (l.Earlier > 0 || t.cmd.Existing == "fail"):
		text = fmt.Sprintf("line %d: %s: %s: %s", l.Line, who, l.Outcome, printable(l.Reason))
		if l.Field != "" && l.Outcome == "invalid" {
			text = fmt.Sprintf("line %d: %s: %s: %s: %s", l.Line, who, l.Outcome, printable(l.Field), printable(l.Reason))
		}
	case len(l.NotCarried) > 0:
		text = fmt.Sprintf("line %d: %s: not carried: %s", l.Line, who, printable(strings.Join(l.NotCarried, ", ")))
	default:
		return nil
	}
	_, err := fmt.Fprintln(t.e.stdout, text)
	return err
}

// progress tells now and then how far the import is.
func (t *transfer) progress() {
	now := time.Now()
	if now.Sub(t.told) < progressEvery || now.Sub(t.began) < progressEvery {
		return
	}
	t.told = now
	took := now.Sub(t.began)
	text := fmt.Sprintf("%d lines, %.0f a second", t.total.Lines, float64(t.total.Lines)/took.Seconds())
	if t.size > 0 && t.bytes > 0 {
		left := time.Duration(float64(took) * float64(t.size-t.bytes) / float64(t.bytes))
		text += fmt.Sprintf(", %d%%, about %s left", 100*t.bytes/t.size, left.Round(time.Second))
	}
	_, _ = fmt.Fprintln(t.e.stderr, text) // a terminal that went away cannot be told
}

// finish prints the summary and turns the end of the import into the end of the command.
func (t *transfer) finish(err error) error {
	t.total.DryRun = t.cmd.DryRun
	if err != nil && !errors.Is(err, errStopped) {
		return fmt.Errorf("%w; every line up to %d is dealt with: run the command again, users who are there are skipped", err, max(t.total.Through, t.cmd.From-1))
	}
	printErr := t.printSummary()
	switch {
	case printErr != nil:
		return printErr
	case err != nil:
		return err
	case t.total.Invalid > 0:
		return errIncomplete
	}
	return nil
}

func (t *transfer) printSummary() error {
	if t.e.json {
		return json.NewEncoder(t.e.stdout).Encode(map[string]importSummary{"summary": t.total})
	}
	created := "created"
	if t.cmd.DryRun {
		created = "would be created"
	}
	_, err := fmt.Fprintf(t.e.stdout, "%d lines: %d %s (%d of them without something they had), %d were there, %d invalid.\n", t.total.Lines,
		t.total.Created, created, t.total.Incomplete, t.total.Existing, t.total.Invalid)
	return err
}

type usersExportCmd struct {
	File        string `arg:"" help:"New file; - for standard output. It holds password hashes: keep it like a backup."`
	WithSecrets bool   `help:"Write TOTP secrets too, so that nobody has to set up the second factor again."`
}

// Run writes every user of the app as one JSON object a line.
func (c usersExportCmd) Run(e *env, parent *usersCmd) error {
	return e.ask(parent.App, func(ask *client.Client) error {
		count := 0
		err := e.create(c.File, func(w *bufio.Writer) (err error) {
			count, err = c.pages(e.ctx, ask, w)
			return err
		})
		if err != nil || c.File == "-" {
			return err
		}
		return e.show(map[string]any{"file": c.File, "users": count}, func(w io.Writer) {
			_, _ = fmt.Fprintf(w, "%s, %d users.\n", c.File, count)
		})
	})
}

func (c usersExportCmd) pages(ctx context.Context, ask *client.Client, w *bufio.Writer) (count int, err error) {
	p := client.Paging{Limit: exportLines}
	for {
		page, err := ask.ExportUsers(ctx, c.WithSecrets, p)
		if err != nil {
			return count, err
		}
		for _, text := range page.Lines {
			if _, err := w.WriteString(text + "\n"); err != nil {
				return count, err
			}
		}
		count += len(page.Lines)
		if p.Cursor = page.NextCursor; p.Cursor == "" {
			return count, nil
		}
	}
}

// create fills a new file that nobody else can read, or standard output. Half a file is not left behind.
func (e *env) create(name string, fill func(w *bufio.Writer) error) error {
	if name == "-" {
		w := bufio.NewWriter(e.stdout)
		return errors.Join(fill(w), w.Flush())
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(file)
	if err = fill(w); err == nil {
		err = errors.Join(w.Flush(), file.Sync())
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}
