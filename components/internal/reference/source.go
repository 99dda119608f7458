package reference

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
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
		set := token.NewFileSet()
		packages, err := parser.ParseDir(set, directory, func(f fs.FileInfo) bool { //nolint:staticcheck // build tags don't matter here
			return !strings.HasSuffix(f.Name(), "_test.go")
		}, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("parsing the settings' source: %w", err)
		}
		for _, p := range packages {
			s.add(set, p)
		}
	}
	return s, nil
}

func (s *source) add(set *token.FileSet, p *ast.Package) { //nolint:staticcheck // see parse
	var files []*ast.File
	for _, file := range p.Files {
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
	// Constants need no imports, so that errors about missing ones don't matter.
	config := types.Config{Error: func(error) {}}
	checked, _ := config.Check(p.Name, set, files, nil)
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
