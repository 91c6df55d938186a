package geo

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2"
)

// File is an open MaxMind DB. It may be used by several goroutines. A nil File knows no place.
type File struct{ reader *maxminddb.Reader }

// Open opens a file and looks whether it is one of cities or countries. A newer file is read at the next start.
func Open(path string) (*File, error) {
	reader, err := maxminddb.Open(path)
	if err != nil {
		return nil, fmt.Errorf("geoip: %w", err)
	}
	kind := reader.Metadata.DatabaseType
	if !strings.Contains(kind, "City") && !strings.Contains(kind, "Country") && !strings.Contains(kind, "Enterprise") {
		_ = reader.Close() // it was only read
		return nil, fmt.Errorf("geoip: %s is a database of %q; wanted is one of cities or countries", path, kind)
	}
	return &File{reader}, nil
}

// Close gives the file back.
func (f *File) Close() error {
	if f == nil {
		return nil
	}
	return f.reader.Close()
}

// named is a part of a record that has names in several languages.
type named struct {
	Names map[string]string `maxminddb:"names"`
}

// record is what we read of a place.
type record struct {
	City    named `maxminddb:"city"`
	Country named `maxminddb:"country"`
}

// Place is the city and the country of an address in a language (a BCP 47 tag), as far as the file knows them; empty: it
// does not.
func (f *File) Place(address, language string) string {
	ip, err := netip.ParseAddr(address)
	if f == nil || err != nil {
		return ""
	}
	var r record
	if f.reader.Lookup(ip.Unmap()).Decode(&r) != nil {
		return ""
	}
	var known []string
	for _, part := range []named{r.City, r.Country} {
		if name := part.in(language); name != "" {
			known = append(known, name)
		}
	}
	return strings.Join(known, ", ")
}

// in is the name in a language. The files have English always, and of Portuguese and Chinese one kind each.
func (n named) in(language string) string {
	base, _, _ := strings.Cut(language, "-")
	for _, tag := range []string{language, base, map[string]string{"pt": "pt-BR", "zh": "zh-CN"}[base], "en"} {
		if name := n.Names[tag]; tag != "" && name != "" {
			return name
		}
	}
	return ""
}
