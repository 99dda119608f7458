package reference

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
)

// source is what the Go source says of structs and constants.
type source struct {
	fields    map[string]string // comments by Type.Field
	structs   map[string]bool   // by name
	constants map[string]string // values
}

// parse reads the packages in these directories, without their tests.
func parse(directories []string) (*source, error) {
	s := &source{fields: map[string]string{}, structs: map[string]bool{}, constants: map[string]string{}}
	for _, directory := range directories {
		if err := s.add(directory); err != nil {
			return nil, fmt.Errorf("reading the settings' source: %w", err)
		}
	}
	return s, nil
}

func (s *source) add(directory string) error {
	found, err := build.ImportDir(directory, 0)
	if err != nil {
		return err
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range found.GoFiles {
		file, err := parser.ParseFile(set, filepath.Join(directory, name), nil, parser.ParseComments)
		if err != nil {
			return err
		}
		files = append(files, file)
		ast.Inspect(file, func(n ast.Node) bool {
			group, isGroup := n.(*ast.GenDecl)
			if !isGroup || group.Tok != token.TYPE {
				return true
			}
			for _, spec := range group.Specs {
				s.addType(spec.(*ast.TypeSpec))
			}
			return true
		})
	}
	return s.addConstants(found.Name, set, files)
}

// addConstants adds the values of a package's constants. None needs an import, so that none is looked
// for.
func (s *source) addConstants(name string, set *token.FileSet, files []*ast.File) error {
	var problems []error
	config := types.Config{IgnoreFuncBodies: true, Error: func(err error) {
		if !strings.Contains(err.Error(), "could not import ") {
			problems = append(problems, err)
		}
	}}
	checked, _ := config.Check(name, set, files, nil)
	for _, name := range checked.Scope().Names() {
		c, ok := checked.Scope().Lookup(name).(*types.Const)
		if !ok {
			continue
		}
		switch c.Val().Kind() {
		case constant.String:
			s.constants[name] = constant.StringVal(c.Val())
		case constant.Int:
			s.constants[name] = c.Val().ExactString()
		}
	}
	return errors.Join(problems...)
}

func (s *source) addType(spec *ast.TypeSpec) {
	fields, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	s.structs[spec.Name.Name] = true
	for _, field := range fields.Fields.List {
		for _, name := range field.Names {
			s.fields[spec.Name.Name+"."+name.Name] = text(field.Doc)
		}
	}
}

// text joins the lines of a comment.
func text(comment *ast.CommentGroup) string { return strings.Join(strings.Fields(comment.Text()), " ") }
