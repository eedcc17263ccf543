package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"path"
	"strconv"
)

const (
	pageSize = 100  // records asked for at a time, the most that is documented
	maxPages = 1000 // of one list
	maxToken = 4096 // bytes of a nextToken
)

// An idAnswer is the answer to a call that makes something: its id, under the names that it may have, or in the header Location.
type idAnswer struct {
	names []string // of the property
	id    string
}

// take finds the id.
func (a *idAnswer) take(data []byte, resp *http.Response) error {
	var o map[string]json.RawMessage
	_ = json.Unmarshal(data, &o) // what is no object has no property either
	for _, name := range a.names {
		if a.id = text(o[name]); a.id != "" {
			return a.check()
		}
	}
	u, err := url.Parse(resp.Header.Get("Location"))
	if err == nil && u.Path != "" {
		a.id = path.Base(u.Path)
	}
	return a.check()
}

// check forgets an id that is none.
func (a *idAnswer) check() error {
	if checkID(a.id) == nil && a.id != "/" {
		return nil
	}
	a.id = ""
	return answerError{"the answer names no id"}
}

// text returns a JSON string, "" for anything else.
func text(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}

// decode reads an answer.
func decode(data []byte, resp *http.Response, out any) error {
	if a, ok := out.(*idAnswer); ok {
		return a.take(data, resp)
	}
	if err := json.Unmarshal(data, out); err != nil {
		return badAnswer(err)
	}
	return nil
}

// badAnswer says what is wrong with an answer without repeating it, as errors of encoding/json do.
func badAnswer(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return answerError{fmt.Sprintf("the answer's %.64q is of another type", e.Field)}
	}
	return answerError{"the answer is not JSON"}
}

// A page is one answer of a list.
type page struct {
	Results    []json.RawMessage `json:"results"`
	Pagination struct {
		NextToken string `json:"nextToken"`
	} `json:"paginationContext"`
}

// list yields the records of a list, page by page. ask makes the call of a page from its token, "" for the first.
func list[T any](ctx context.Context, c *Client, ask func(token string, out *page) call) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		token := ""
		for range maxPages {
			var p page
			k := ask(token, &p)
			if err := c.do(ctx, k); err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, raw := range p.Results {
				var record T
				var err error
				if bad := json.Unmarshal(raw, &record); bad != nil {
					err = &Error{Op: k.op, Method: k.method, Status: http.StatusOK, Err: badAnswer(bad)}
				}
				if !yield(record, err) || err != nil {
					return
				}
			}
			next := p.Pagination.NextToken
			if next == "" {
				return
			}
			if next == token || len(next) > maxToken {
				break
			}
			token = next
		}
		var none T
		k := ask("", nil)
		yield(none, &Error{Op: k.op, Method: k.method, Status: http.StatusOK, Err: answerError{"the list has no end"}})
	}
}

// paged returns the query of a page.
func paged(token string, more ...string) url.Values {
	q := url.Values{"maxResults": {strconv.Itoa(pageSize)}}
	if token != "" {
		q.Set("nextToken", token)
	}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return q
}
