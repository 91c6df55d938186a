package contract

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const replayed = `
/enter:
  post:
    x-operation: enter
    requestBody:
      required: true
      content:
        application/json:
          schema: {type: object, required: [word], properties: {word: {type: string, x-input: token}}}
          examples:
            in: {value: {word: sesame}}
            short: {value: {}}
            wrong: {value: {word: guess}}
    responses:
      "200":
        description: d
        x-when: [in]
        headers: {X-Number: {required: true, schema: {type: integer, x-output: number, minimum: 1}}}
        content:
          application/json:
            schema: {type: object, required: [ok, number], properties: {ok: {const: true}, number: {type: integer, minimum: 1}}}
            examples:
              in: {value: {ok: true, number: 7}}
              nameless: {value: {ok: true, number: 0}}
      "202": {description: d, x-when: [code-needed]}
      "400":
        description: d
        x-when: [invalid-request]
        content:
          application/json:
            schema: {type: object, properties: {code: {type: string, x-output: error.code}}}
            examples: {short: {value: {code: invalid-request}}}
      default:
        description: d
        content:
          application/json:
            schema: {type: object, properties: {code: {type: string, x-output: error.code}}}
            examples: {invalid-credentials: {value: {code: invalid-credentials}}}
/mine/{id}:
  delete:
    x-operation: mine
    security: [{bearer: []}]
    parameters: [{name: id, in: path, required: true, schema: {type: string}, x-ignored: true, example: k1}]
    responses: {"204": {description: d}}
/take/{user}:
  put:
    x-operation: take
    parameters: [{name: user, in: path, required: true, schema: {type: string}, x-input: user_id}]
    requestBody: {content: {application/x-www-form-urlencoded: {schema: {type: object, properties: {text: {type: string}, list: {type: array, items: {type: string}}}}, examples: {ok: {value: {text: a b, list: [x, y]}}}}}}
    responses: {"200": {description: d, content: {text/plain: {schema: {type: string, x-output: input.text}, examples: {ok: {value: a b}}}}}}
`

func TestReplay(t *testing.T) {
	text := doc(replayed, "ids: {user: u-}", "securitySchemes: {bearer: {type: http, scheme: bearer}}")
	var last *things
	setup := Setup{
		Operations: newThings(),
		Fresh: func(_ context.Context, src Source) (*Stage, error) {
			last = newThings()
			last.outcome, last.give.Number = "in", 7
			o := options(t, last)
			o.Mounts = []Mount{{Source: src}}
			e, err := New(context.Background(), o)
			if err != nil {
				return nil, err
			}
			return &Stage{Handler: e.Handler(), House: last, Close: func() {}}, nil
		},
		Givens: map[string]Given{
			"enter/invalid-credentials": func(_ context.Context, s *Stage, _ Example) (map[string]string, error) {
				s.House.(*things).err = auth.E(auth.CodeInvalidCredentials, "")
				return nil, nil
			},
			"enter": func(_ context.Context, _ *Stage, e Example) (map[string]string, error) {
				if e.Name == "in" && (e.Outcome != "in" || e.Inputs["token"] != "sesame") {
					return nil, fmt.Errorf("the example is %+v", e)
				}
				return map[string]string{"token": "a real token"}, nil
			},
			"mine": func(context.Context, *Stage, Example) (map[string]string, error) {
				return map[string]string{GivenBearer: "good"}, nil
			},
			"take": func(context.Context, *Stage, Example) (map[string]string, error) {
				return map[string]string{"user_id": "7/8"}, nil
			},
		},
	}
	report, err := Test(t.Context(), Source{Name: "doc.yaml", Data: []byte(text)}, setup)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range report.Replays {
		got = append(got, fmt.Sprintf("%s %s %s %s: %s%s", r.Method, r.Path, r.Example, r.Outcome, r.Skipped, strings.Join(r.Faults, "; ")))
	}
	want := []string{
		"POST /enter in in: ",
		"POST /enter nameless in: the request has no example of this namethe example itself: number must be at least 1",
		"POST /enter code-needed code-needed: the status is 200, not 202; the body: {\"ok\":true,\"number\":7}",
		"POST /enter short invalid-request: ",
		"POST /enter invalid-credentials invalid-credentials: the request has no example of this name",
		"DELETE /mine/{id} ok ok: ",
		"PUT /take/{user} ok ok: ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") || report.OK() || report.Contract != "things" {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if in := last.taken; in.User != "7/8" || in.Text != "a b" || len(in.List) != 2 {
		t.Errorf("the last request: %+v", in)
	}

	setup.Givens["mine"] = func(context.Context, *Stage, Example) (map[string]string, error) { return nil, errors.New("no user") }
	delete(setup.Givens, "take")
	report, _ = Test(t.Context(), Source{Name: "doc.yaml", Data: []byte(text)}, setup)
	n := len(report.Replays)
	if r := report.Replays[n-2]; len(r.Faults) != 1 || r.Faults[0] != "what must be given cannot be: no user" {
		t.Errorf("%+v", r)
	}
	if r := report.Replays[n-1]; r.Skipped != "the parameter user has no example and nothing was given for it" {
		t.Errorf("%+v", r)
	}
	if _, err := Test(t.Context(), Source{Name: "doc.yaml", Data: []byte("a: b")}, setup); err == nil || !strings.Contains(err.Error(), "doc.yaml") {
		t.Errorf("a bad document: %v", err)
	}
}

// TestReplayFindsDifferences: what is compared by value and what by schema.
func TestReplayFindsDifferences(t *testing.T) {
	text := doc(`
/a:
  get:
    x-operation: give
    responses:
      "200":
        description: d
        headers: {X-C: {schema: {const: fixed}}}
        content: {application/json: {schema: {type: object, required: [code], properties: {code: {type: string, minLength: 5}}}, example: {code: abcde}}}
`)
	setup := Setup{Operations: newThings(), Fresh: func(_ context.Context, src Source) (*Stage, error) {
		things := newThings()
		things.give.Code = "abc"
		o := options(t, things)
		o.Mounts = []Mount{{Source: src}}
		e, err := New(context.Background(), o)
		return &Stage{Handler: e.Handler(), Close: func() {}}, err
	}}
	report, err := Test(t.Context(), Source{Name: "doc.yaml", Data: []byte(text)}, setup)
	if err != nil || len(report.Replays) != 1 || strings.Join(report.Replays[0].Faults, ";") != "code must have at least 5 characters" {
		t.Errorf("%v %+v", err, report)
	}
}
