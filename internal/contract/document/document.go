package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxSize is the largest document that is read, in bytes.
const MaxSize = 4 << 20

// Document is one parsed document and the problems found in it so far.
type Document struct {
	File string
	Root *Node

	problems Problems
	followed map[*Node]*Node
	referred map[*Node]bool
	hidden   map[*Node]bool // members of targets that a use site replaces
}

// yamlLine finds the line in the messages of the YAML parser.
var yamlLine = regexp.MustCompile(`line (\d+): ?`)

// Parse reads YAML or JSON. Root is nil when the text is neither; Problems tells why.
func Parse(file string, data []byte) *Document {
	d := &Document{File: file, followed: map[*Node]*Node{}, referred: map[*Node]bool{}, hidden: map[*Node]bool{}}
	if len(data) > MaxSize {
		d.report(0, fmt.Sprintf("at most %d bytes", MaxSize), "the document is too large")
		return d
	}
	var root yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&root); err != nil {
		d.syntax(err)
		return d
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		d.report(0, "one document", "the file holds more than one document")
	}
	b := builder{d: d}
	n := b.build(&root, 0)
	if n.Kind != Map {
		d.report(n.Line, "an OpenAPI 3.1 document", "the file holds %s", n.Kind)
		return d
	}
	d.Root = n
	return d
}

func (d *Document) syntax(err error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = strings.Replace(text, m[0], "", 1)
	}
	d.report(line, "YAML or JSON", "the file cannot be read: %s", text)
}

// Problems lists what was found so far, sorted.
func (d *Document) Problems() Problems { return d.problems.Sorted() }

// Report adds a problem at the node's line. Expected says what would be right; it may be empty.
func (d *Document) Report(n *Node, expected, format string, args ...any) {
	line := 0
	if n != nil {
		line = n.Line
	}
	d.report(line, expected, format, args...)
}

// ReportLine is Report for a key, whose line the node of its value does not know.
func (d *Document) ReportLine(line int, expected, format string, args ...any) {
	d.report(line, expected, format, args...)
}

func (d *Document) report(line int, expected, format string, args ...any) {
	d.problems = append(d.problems, Problem{File: d.File, Line: line, Message: fmt.Sprintf(format, args...), Expected: expected})
}

// maxReferences is how many references in a row are followed before they must be a circle.
const maxReferences = 32

// Follow resolves a reference: the result has the members of the target, and those that stand beside the
// reference win over them. A node that is no reference is returned as it is, and so is the target of a bare
// reference. The same node always gives the same result, so results can be compared by pointer.
func (d *Document) Follow(n *Node) *Node {
	ref := reference(n)
	if ref == nil {
		return n
	}
	if out, ok := d.followed[n]; ok {
		return out
	}
	out := d.resolve(n, ref)
	d.followed[n] = out
	return out
}

func (d *Document) resolve(n, ref *Node) *Node {
	target, seen := n, 0
	merged := &Node{Kind: Map, Line: n.Line}
	for next := ref; next != nil; next = reference(target) {
		if seen++; seen > maxReferences {
			d.Report(ref, "a reference that ends", "the reference %q runs in a circle", ref.Text)
			return merged
		}
		for _, p := range target.Pairs {
			if p.Key != "$ref" && merged.Get(p.Key) == nil {
				merged.Pairs = append(merged.Pairs, p)
			}
		}
		if target = d.point(next); target == nil {
			return merged
		}
	}
	if target.Kind != Map {
		d.Report(ref, "a reference to an object", "the reference %q points to %s", ref.Text, target.Kind)
		return merged
	}
	if len(merged.Pairs) == 0 {
		return target
	}
	return d.overlay(merged, target)
}

// overlay puts the target's members first, in their order, replaced by those of the use site.
func (d *Document) overlay(site, target *Node) *Node {
	out := &Node{Kind: Map, Line: site.Line, Pairs: make([]Pair, 0, len(site.Pairs)+len(target.Pairs))}
	for _, p := range target.Pairs {
		if own := site.Get(p.Key); own != nil {
			d.hidden[p.Value] = true
			p.Value = own
		}
		out.Pairs = append(out.Pairs, p)
	}
	for _, p := range site.Pairs {
		if target.Get(p.Key) == nil {
			out.Pairs = append(out.Pairs, p)
		}
	}
	return out
}

// reference is the $ref of a node; nil if it has none. A property that is called "$ref" is no reference.
func reference(n *Node) *Node {
	if !n.Is(Map) {
		return nil
	}
	if ref := n.Get("$ref"); ref.Is(String) {
		return ref
	}
	return nil
}

// Target is the node that a reference names, without what stands beside the reference; nil if n is none.
func (d *Document) Target(n *Node) *Node {
	if ref := reference(n); ref != nil {
		return d.point(ref)
	}
	return nil
}

// point resolves a JSON pointer into this document (RFC 6901). Other files are never read: a document could name
// any file of the machine.
func (d *Document) point(ref *Node) *Node {
	pointer, ok := strings.CutPrefix(ref.Text, "#/")
	if !ok {
		d.Report(ref, "a reference into this document, #/components/...", "the reference %q leaves the document", ref.Text)
		return nil
	}
	n := d.Root
	for step := range strings.SplitSeq(pointer, "/") {
		step = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
		n = child(n, step)
		if n == nil {
			d.Report(ref, "", "the reference %q points to nothing", ref.Text)
			return nil
		}
	}
	d.referred[n] = true
	return n
}

// Referred reports whether a reference to exactly this node was followed.
func (d *Document) Referred(n *Node) bool { return d.referred[n] }

// Hidden reports whether the node is a member of a reference's target that stood aside for one beside the reference.
func (d *Document) Hidden(n *Node) bool { return d.hidden[n] }

func child(n *Node, step string) *Node {
	if n.Is(List) {
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Items) {
			return n.Items[i]
		}
		return nil
	}
	return n.Get(step)
}

func appendString(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		return append(b, `""`...)
	}
	return append(b, text...)
}
