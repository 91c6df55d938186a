package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// What was given of a thing's settings stands in a map by the names of the API. One rule holds for all flags: one that is left
// out changes nothing, an empty text (of a repeatable flag: alone) and the --no- form take the setting back, and NAME= takes
// back one member of an object. Nil is how the API is told; it refuses where nothing can be taken back.

// set notes a flag that was given; its zero value takes the setting back.
func set[T comparable](out map[string]any, name string, given *T) {
	var none T
	switch {
	case given == nil:
	case *given == none:
		out[name] = nil
	default:
		out[name] = *given
	}
}

// setTexts notes the flags of a list of texts by the names of the API.
func setTexts(out map[string]any, given map[string]*string) {
	for name, text := range given {
		set(out, name, text)
	}
}

// setName notes a name as it was given: the API says that there is no thing without one.
func setName(out map[string]any, name *string) {
	if name != nil {
		out["name"] = *name
	}
}

// setOrNone notes the flags of a list of texts by the names of the API; none takes a setting back too.
func setOrNone(out map[string]any, given map[string]*string) {
	setTexts(out, given)
	for name, text := range given {
		if text != nil && *text == "none" {
			out[name] = nil
		}
	}
}

// setYesNo notes a flag that is yes or no; an empty text takes it back.
func setYesNo(out map[string]any, name string, given *string) {
	if set(out, name, given); out[name] != nil {
		out[name] = *given == "yes"
	}
}

// setLists notes repeatable flags by the names of the API; one empty text alone takes the list back.
func setLists(out map[string]any, given map[string][]string) {
	for name, list := range given {
		switch {
		case list == nil:
		case len(list) == 1 && list[0] == "":
			out[name] = nil
		default:
			out[name] = list
		}
	}
}

// setMembers notes a flag of the form NAME=TEXT, which is merged into the object that there is; NAME= takes one back.
func setMembers(out map[string]any, name string, given map[string]string) {
	if given == nil {
		return
	}
	members := map[string]any{}
	for key, text := range given {
		set(members, key, &text)
	}
	out[name] = members
}

// setFile notes a flag that names a file with a JSON object; - is standard input.
func setFile(out map[string]any, name string, file *string, in io.Reader) error {
	if file == nil || *file == "" {
		set(out, name, file)
		return nil
	}
	text, err := readFile(*file, in)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		return fmt.Errorf("read %s: %s is no JSON object: %w", name, *file, err)
	}
	out[name] = object
	return nil
}

// made puts what was given into a new thing of the API. There is nothing to take back yet.
func made(given map[string]any, into any) error {
	text, err := json.Marshal(given)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// maxFile is more than any key set, secret or private key.
const maxFile = 64 << 10

// readFile reads a file, or standard input for -.
func readFile(name string, in io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(in, maxFile))
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	return io.ReadAll(io.LimitReader(file, maxFile))
}
