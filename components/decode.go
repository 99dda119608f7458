package components

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Decode reads a structured argument, such as Ingress, from JSON, which is how
// a stack's settings hand it over. The names of the fields are those of the
// pulumi tags. A name that isn't known, or a value of the wrong type, is an
// error: a misspelt noTLSVerify must not be lost. All problems are reported at
// once, each starting with its path.
func Decode(path, text string, into any) error {
	if !json.Valid([]byte(text)) {
		return fmt.Errorf("%s: %q is not %s", path, text, kindName(reflect.TypeOf(into)))
	}
	return decode(path, json.RawMessage(text), reflect.ValueOf(into).Elem())
}

// kindName is what people call a type that settings have.
func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return kindName(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.String:
		return "a text in quotes"
	case reflect.Slice:
		return "a list"
	}
	return "an object of named fields"
}

func decode(path string, raw json.RawMessage, into reflect.Value) error {
	if string(raw) == "null" {
		return nil
	}
	switch into.Kind() {
	case reflect.Pointer:
		value := reflect.New(into.Type().Elem())
		err := decode(path, raw, value.Elem())
		// What isn't of its type stays unset, or validation would find fault with
		// something that nobody wrote. Of named fields, those that are fine count.
		if err == nil || value.Elem().Kind() == reflect.Struct {
			into.Set(value)
		}
		return err
	case reflect.Slice:
		var items []json.RawMessage
		if err := decodeWhole(path, raw, into.Type(), &items); err != nil {
			return err
		}
		into.Set(reflect.MakeSlice(into.Type(), len(items), len(items)))
		var problems error
		for i, item := range items {
			problems = errors.Join(problems, decode(fmt.Sprintf("%s[%d]", path, i), item, into.Index(i)))
		}
		return problems
	case reflect.Struct:
		return decodeStruct(path, raw, into)
	}
	return decodeWhole(path, raw, into.Type(), into.Addr().Interface())
}

func decodeStruct(path string, raw json.RawMessage, into reflect.Value) error {
	var values map[string]json.RawMessage
	if err := decodeWhole(path, raw, into.Type(), &values); err != nil {
		return err
	}
	fields := map[string]reflect.Value{}
	for i := range into.NumField() {
		fields[into.Type().Field(i).Tag.Get("pulumi")] = into.Field(i)
	}
	var problems error
	for _, key := range slices.Sorted(maps.Keys(values)) {
		field, known := fields[key]
		if !known {
			problems = errors.Join(problems, fmt.Errorf("%s.%s: no such field%s", path, key, Suggest(key, slices.Collect(maps.Keys(fields)))))
			continue
		}
		problems = errors.Join(problems, decode(path+"."+key, values[key], field))
	}
	return problems
}

func decodeWhole(path string, raw json.RawMessage, wanted reflect.Type, into any) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s: %s is not %s", path, raw, kindName(wanted))
	}
	return nil
}

// Suggest names the known word that is closest to a mistaken one, as the end of
// an error's sentence; all of them when none is close.
func Suggest(mistaken string, known []string) string {
	distance := func(word string) int { return edits(strings.ToLower(mistaken), strings.ToLower(word)) }
	slices.Sort(known)
	if len(known) == 0 {
		return ""
	}
	nearest := slices.MinFunc(known, func(a, b string) int { return distance(a) - distance(b) })
	if distance(nearest) <= max(2, len(mistaken)/3) {
		return fmt.Sprintf("; did you mean %s?", nearest)
	}
	return "; there are " + strings.Join(known, ", ")
}

// edits counts the letters to add, leave out or change to get from one word to
// the other (Levenshtein's distance).
func edits(from, to string) int {
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(from) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(to) {
			change := diagonal
			if from[i] != to[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}
