package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// browser keeps cookies, and shows where it is sent instead of going there.
type browser struct{ http *http.Client }

func newBrowser() (*browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{&http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: stay}}, nil
}

// page is an answer to a browser.
type page struct {
	status   int
	location string // absolute; empty: it leads nowhere
	body     []byte
}

// excerpt is as much of a page as an error should hold.
func (p page) excerpt() string {
	const most = 400
	return string(p.body[:min(len(p.body), most)])
}

func (b *browser) get(to string) (page, error) {
	r, err := http.NewRequest(http.MethodGet, to, nil)
	if err != nil {
		return page{}, err
	}
	return b.send(r)
}

// post sends a form; headers are names and values by turns.
func (b *browser) post(to string, form url.Values, headers ...string) (page, error) {
	r, err := http.NewRequest(http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return page{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for n := 0; n+1 < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	return b.send(r)
}

func (b *browser) send(r *http.Request) (page, error) {
	answer, err := b.http.Do(r)
	if err != nil {
		return page{}, err
	}
	defer answer.Body.Close()
	out := page{status: answer.StatusCode}
	if to, err := answer.Location(); err == nil {
		out.location = to.String()
	}
	out.body, err = io.ReadAll(answer.Body)
	return out, err
}
