package document

import (
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Kind is the shape of a node.
type Kind uint8

// The shapes of nodes.
const (
	Map Kind = iota
	List
	String
	Int
	Float
	Bool
	Null
)

func (k Kind) String() string {
	return [...]string{"an object", "a list", "a string", "an integer", "a number", "true or false", "null"}[k]
}

// Node is one value of a document, with its line. Maps keep the order of their keys.
type Node struct {
	Kind  Kind
	Line  int
	Text  string // of a scalar
	Pairs []Pair
	Items []*Node
}

// Pair is one member of a map.
type Pair struct {
	Key   string
	Line  int // of the key
	Value *Node
}

// Get finds a member of a map; nil if n is no map or has none of that name.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for i := range n.Pairs {
		if n.Pairs[i].Key == key {
			return n.Pairs[i].Value
		}
	}
	return nil
}

// Members lists the pairs of a map; none if n is no map.
func (n *Node) Members() []Pair {
	if n == nil {
		return nil
	}
	return n.Pairs
}

// Elements lists the items of a list; none if n is no list.
func (n *Node) Elements() []*Node {
	if n == nil {
		return nil
	}
	return n.Items
}

// At follows keys from n; nil as soon as one is missing.
func (n *Node) At(keys ...string) *Node {
	for _, k := range keys {
		n = n.Get(k)
	}
	return n
}

// Is reports whether n exists and has the kind.
func (n *Node) Is(k Kind) bool { return n != nil && n.Kind == k }

// Str is the text of a string, empty for everything else.
func (n *Node) Str() string {
	if n.Is(String) {
		return n.Text
	}
	return ""
}

// True reports whether n is the literal true.
func (n *Node) True() bool { return n.Is(Bool) && n.Text == "true" }

// Int reads an integer.
func (n *Node) Int() (int, bool) {
	if !n.Is(Int) {
		return 0, false
	}
	v, err := strconv.ParseInt(n.Text, 0, 64)
	return int(v), err == nil
}

// Strings lists the items of a list of strings; ok is false when n is anything else.
func (n *Node) Strings() (out []string, ok bool) {
	if !n.Is(List) {
		return nil, false
	}
	for _, item := range n.Items {
		if !item.Is(String) {
			return nil, false
		}
		out = append(out, item.Text)
	}
	return out, true
}

// AppendJSON appends the node as JSON, members in the document's order.
func (n *Node) AppendJSON(b []byte) []byte {
	switch n.Kind {
	case Map:
		b = append(b, '{')
		for i, p := range n.Pairs {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, p.Key), ':')
			b = p.Value.AppendJSON(b)
		}
		return append(b, '}')
	case List:
		b = append(b, '[')
		for i, item := range n.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.AppendJSON(b)
		}
		return append(b, ']')
	case String:
		return appendString(b, n.Text)
	case Int:
		if v, err := strconv.ParseInt(n.Text, 0, 64); err == nil {
			return strconv.AppendInt(b, v, 10)
		}
		return append(b, n.Text...)
	case Float:
		if v, err := strconv.ParseFloat(n.Text, 64); err == nil && v-v == 0 {
			return strconv.AppendFloat(b, v, 'g', -1, 64)
		}
		return append(b, "null"...)
	case Bool:
		return append(b, n.Text...)
	}
	return append(b, "null"...)
}

// limits of one document: enough for any real one, too little for a bomb of aliases.
const (
	maxNodes = 400_000
	maxDepth = 200
)

// builder turns YAML nodes into ours.
type builder struct {
	d     *Document
	nodes int
}

func (b *builder) build(y *yaml.Node, depth int) *Node {
	b.nodes++
	if depth > maxDepth || b.nodes > maxNodes {
		if b.nodes <= maxNodes+1 {
			b.d.report(y.Line, "", "the document is nested too deeply or too large")
		}
		return &Node{Kind: Null, Line: y.Line}
	}
	switch y.Kind {
	case yaml.DocumentNode:
		if len(y.Content) == 1 {
			return b.build(y.Content[0], depth)
		}
	case yaml.AliasNode:
		if y.Alias != nil {
			n := *b.build(y.Alias, depth+1)
			n.Line = y.Line
			return &n
		}
	case yaml.MappingNode:
		return b.mapping(y, depth)
	case yaml.SequenceNode:
		n := &Node{Kind: List, Line: y.Line, Items: make([]*Node, 0, len(y.Content))}
		for _, item := range y.Content {
			n.Items = append(n.Items, b.build(item, depth+1))
		}
		return n
	case yaml.ScalarNode:
		return scalar(y)
	}
	return &Node{Kind: Null, Line: y.Line}
}

func (b *builder) mapping(y *yaml.Node, depth int) *Node {
	n := &Node{Kind: Map, Line: y.Line, Pairs: make([]Pair, 0, len(y.Content)/2)}
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := y.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode:
			b.d.report(key.Line, "a plain key", "a key of an object is no scalar")
			continue
		case key.Tag == "!!merge":
			b.d.report(key.Line, "$ref", "merge keys (<<) are not read")
			continue
		case n.Get(key.Value) != nil:
			b.d.report(key.Line, "", "the key %q stands twice in one object", key.Value)
			continue
		}
		n.Pairs = append(n.Pairs, Pair{Key: key.Value, Line: key.Line, Value: b.build(y.Content[i+1], depth+1)})
	}
	return n
}

func scalar(y *yaml.Node) *Node {
	n := &Node{Kind: String, Line: y.Line, Text: y.Value}
	switch y.ShortTag() {
	case "!!int":
		n.Kind = Int
	case "!!float":
		n.Kind = Float
	case "!!bool":
		n.Kind, n.Text = Bool, "false"
		if y.Value[0] == 't' || y.Value[0] == 'T' {
			n.Text = "true"
		}
	case "!!null":
		n.Kind = Null
	}
	return n
}
