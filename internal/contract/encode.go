package contract

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

const hexDigits = "0123456789abcdef"

// appendJSONString appends s in quotes. Invalid UTF-8, which no row of ours holds, becomes U+FFFD.
func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
			b = append(append(b, s[start:i]...), `\ufffd`...)
		} else {
			b = appendEscape(append(b, s[start:i]...), c)
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// appendPlain appends a value whose type only the running server knows, such as an attribute.
func appendPlain(b []byte, v reflect.Value) []byte {
	v, ok := open(v)
	if !ok {
		return append(b, "null"...)
	}
	switch v.Kind() {
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool())
	case reflect.String:
		return appendJSONString(b, v.String())
	case reflect.Slice, reflect.Array:
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendPlain(b, v.Index(i))
		}
		return append(b, ']')
	case reflect.Map:
		return appendMap(b, v, appendPlain)
	case reflect.Struct:
		return appendStruct(b, v)
	}
	return appendNumber(b, v)
}

func appendNumber(b []byte, v reflect.Value) []byte {
	switch {
	case v.CanInt():
		return strconv.AppendInt(b, v.Int(), 10)
	case v.CanUint():
		return strconv.AppendUint(b, v.Uint(), 10)
	case v.CanFloat():
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return append(b, "null"...)
		} else if f == math.Trunc(f) && math.Abs(f) < 1e15 {
			return strconv.AppendInt(b, int64(f), 10)
		}
		return strconv.AppendFloat(b, v.Float(), 'g', -1, 64)
	}
	return append(b, "null"...)
}

// appendMap appends a map with its keys sorted.
func appendMap(b []byte, v reflect.Value, value func([]byte, reflect.Value) []byte) []byte {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendJSONString(b, k.String()), ':')
		b = value(b, v.MapIndex(k))
	}
	return append(b, '}')
}

// appendStruct appends a struct by its json names, for the rare document that shows one whole.
func appendStruct(b []byte, v reflect.Value) []byte {
	if v.Type() == timeType {
		return append(appendTime(append(b, '"'), v, time.RFC3339), '"')
	}
	members, names := membersOf(v.Type())
	b = append(b, '{')
	start := len(b)
	for _, name := range names {
		s := step{kind: stepField, field: members[name].index, omit: members[name].omit}
		field, ok := s.take(v)
		if !ok {
			continue
		}
		if len(b) > start {
			b = append(b, ',')
		}
		b = append(appendJSONString(b, name), ':')
		b = appendPlain(b, field)
	}
	return append(b, '}')
}

// timeOf reads a time without boxing it where it can be addressed.
func timeOf(v reflect.Value) time.Time {
	if v.CanAddr() {
		if t, ok := v.Addr().Interface().(*time.Time); ok {
			return t.UTC()
		}
	}
	t, _ := v.Interface().(time.Time)
	return t.UTC()
}

func appendTime(b []byte, v reflect.Value, layout string) []byte {
	return timeOf(v).AppendFormat(b, layout)
}

// appendURIPart percent-encodes everything but the unreserved characters of RFC 3986 section 2.3.
func appendURIPart(b []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~' {
			b = append(b, c)
			continue
		}
		b = append(b, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
	}
	return b
}

// qrSize is the width of a QR image in pixels: large enough for a phone held before a laptop.
const qrSize = 256

// qrPNG draws text as a PNG image; ok is false for text that is too long for a code.
func qrPNG(text string) (image []byte, ok bool) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, false
	}
	scaled, err := barcode.Scale(code, qrSize, qrSize)
	if err != nil {
		return nil, false
	}
	var out bytes.Buffer
	if err := png.Encode(&out, scaled); err != nil {
		return nil, false
	}
	return out.Bytes(), true
}

// QRDataURL draws text as a QR image for the source of an image element; ok is false for text that is too long for a code.
func QRDataURL(text string) (url string, ok bool) {
	b, ok := appendQRData(nil, text)
	return string(b), ok
}

// appendQRData appends a QR image as a data URL.
func appendQRData(b []byte, text string) ([]byte, bool) {
	image, ok := qrPNG(text)
	if !ok {
		return b, false
	}
	return base64.StdEncoding.AppendEncode(append(b, "data:image/png;base64,"...), image), true
}
