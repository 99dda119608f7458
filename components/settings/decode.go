package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Decode decodes the JSON of a structured setting, such as ingress. Fields have
// the names of their tags, see [Tag]. An unknown field is an error, because a
// misspelt noTLSVerify must not be lost, and so is a value of the wrong type.
// All problems are reported at once, each starting with its path.
func Decode(path, text string, into any) error {
	if !json.Valid([]byte(text)) {
		return unreadable(path, "%q is not %s", text, kindName(reflect.TypeOf(into)))
	}
	return decode(path, json.RawMessage(text), reflect.ValueOf(into).Elem())
}

// kindName is what messages call a type.
func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return kindName(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "a list"
	}
	return "an object"
}

func decode(path string, raw json.RawMessage, into reflect.Value) error {
	if string(raw) == "null" {
		return nil
	}
	switch into.Kind() {
	case reflect.Pointer:
		value := reflect.New(into.Type().Elem())
		err := decode(path, raw, value.Elem())
		// A value of the wrong type stays unset. An object keeps its valid fields.
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
		var problems []error
		for i, item := range items {
			problems = append(problems, decode(fmt.Sprintf("%s[%d]", path, i), item, into.Index(i)))
		}
		return errors.Join(problems...)
	case reflect.Map:
		return decodeMap(path, raw, into)
	case reflect.Struct:
		return decodeStruct(path, raw, into)
	}
	return decodeWhole(path, raw, into.Type(), into.Addr().Interface())
}

// decodeMap decodes the values one by one, so that each problem names its key.
func decodeMap(path string, raw json.RawMessage, into reflect.Value) error {
	var values map[string]json.RawMessage
	if err := decodeWhole(path, raw, into.Type(), &values); err != nil {
		return err
	}
	into.Set(reflect.MakeMap(into.Type()))
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(values)) {
		value := reflect.New(into.Type().Elem()).Elem()
		if err := decode(path+"."+key, values[key], value); err != nil {
			problems = append(problems, err)
			continue
		}
		into.SetMapIndex(reflect.ValueOf(key), value)
	}
	return errors.Join(problems...)
}

func decodeStruct(path string, raw json.RawMessage, into reflect.Value) error {
	var values map[string]json.RawMessage
	if err := decodeWhole(path, raw, into.Type(), &values); err != nil {
		return err
	}
	fields, numeric := map[string]reflect.Value{}, map[string]bool{}
	for i := range into.NumField() {
		tag := into.Type().Field(i).Tag
		if name := tag.Get(Tag); name != "" {
			fields[name], numeric[name] = into.Field(i), tag.Get(NumericTag) == "true"
		}
	}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(values)) {
		field, known := fields[key]
		if !known {
			problems = append(problems, fmt.Errorf("%s.%s: no such field%s", path, key, suggest(key, slices.Collect(maps.Keys(fields)))))
			continue
		}
		value := values[key]
		if numeric[key] {
			value = quoted(value)
		}
		problems = append(problems, decode(path+"."+key, value, field))
	}
	return errors.Join(problems...)
}

// number matches a number in JSON.
var number = regexp.MustCompile(`^-?\d[\d.eE+-]*$`)

// quoted makes strings of a number, or of the numbers in an object.
func quoted(raw json.RawMessage) json.RawMessage {
	var object map[string]json.RawMessage
	switch {
	case number.Match(raw):
		return json.RawMessage(strconv.Quote(string(raw)))
	case json.Unmarshal(raw, &object) != nil || object == nil:
		return raw
	}
	for key, value := range object {
		if number.Match(value) {
			object[key] = quoted(value)
		}
	}
	out, err := json.Marshal(object)
	if err != nil {
		return raw
	}
	return out
}

// timestamp matches what Pulumi makes of a YAML timestamp, such as 2026-12-01.
var timestamp = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} [A-Z+-][A-Z0-9]+$`)

// ofTimestamp is said of such a value.
const ofTimestamp = "what YAML makes of a date or a time; write what was meant in quotes"

func decodeWhole(path string, raw json.RawMessage, wanted reflect.Type, into any) error {
	if text := string(raw); wanted.Kind() == reflect.String && (text == "true" || text == "false") {
		reflect.ValueOf(into).Elem().SetString(text) // as pulumi config set --path stores it
		return nil
	}
	var text string
	if wanted.Kind() == reflect.String && json.Unmarshal(raw, &text) == nil && timestamp.MatchString(text) {
		return unreadable(path, "%q is %s", text, ofTimestamp)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return unreadable(path, "%s is not %s%s", raw, kindName(wanted), unquoted(raw, wanted))
	}
	return nil
}

// unquoted says what to do about a number that was meant to be a string.
func unquoted(raw json.RawMessage, wanted reflect.Type) string {
	for wanted.Kind() == reflect.Pointer {
		wanted = wanted.Elem()
	}
	if wanted.Kind() != reflect.String || strings.ContainsAny(string(raw[:1]), "{[") {
		return ""
	}
	return "; put it in quotes, or add --type string to pulumi config set"
}
