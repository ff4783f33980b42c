package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// report is the table of one measurement.
type report struct {
	name    string
	figures []*figure
	remarks []string
}

// figure is one row: a value per run.
type figure struct {
	name   string
	digits int
	values []float64
	limit  *figure // what it is compared with
	target target
}

// target is what the figure, or its ratio to the limit, is to reach.
type target struct {
	bound   bound
	value   float64
	ofLimit bool
}

type bound uint8

const (
	none bound = iota
	atLeast
	atMost
)

func newReport(name string) *report { return &report{name: name} }

// figure gives the row of that name, made when it is new; digits are those after the point.
func (r *report) figure(name string, digits int) *figure {
	for _, f := range r.figures {
		if f.name == name {
			return f
		}
	}
	f := &figure{name: name, digits: digits}
	r.figures = append(r.figures, f)
	return f
}

func (r *report) remark(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(r.remarks, text) {
		r.remarks = append(r.remarks, text)
	}
}

func (f *figure) add(v float64) *figure {
	f.values = append(f.values, v)
	return f
}

// beside names the limit that the figure is compared with.
func (f *figure) beside(limit *figure) *figure {
	f.limit = limit
	return f
}

// aim sets the target; ofLimit means that of the ratio to the limit.
func (f *figure) aim(b bound, value float64, ofLimit bool) *figure {
	f.target = target{b, value, ofLimit}
	return f
}

func (f *figure) median() float64 { return median(f.values) }

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(values))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// percentile of sorted values.
func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return sorted[min(int(p*float64(len(sorted))), len(sorted)-1)]
}

func (f *figure) ratio() float64 { return f.median() / f.limit.median() }

func (f *figure) ratioText() string {
	switch {
	case f.limit == nil:
		return ""
	case f.target.bound == atMost:
		return fmt.Sprintf("%.2f times", f.ratio())
	}
	return fmt.Sprintf("%.1f %%", 100*f.ratio())
}

func (f *figure) targetText() string {
	t := f.target
	if t.bound == none {
		return ""
	}
	reached, want := f.median(), number(t.value, f.digits)
	if t.ofLimit {
		reached = f.ratio()
		if want = fmt.Sprintf("%.0f %%", 100*t.value); t.bound == atMost {
			want = fmt.Sprintf("%.1f times", t.value)
		}
	}
	words, met := "at least ", reached >= t.value
	if t.bound == atMost {
		words, met = "at most ", reached <= t.value
	}
	if met {
		return words + want + ": met"
	}
	return words + want + ": **missed**"
}

func (r *report) write(out io.Writer) {
	fmt.Fprintf(out, "\n## %s\n\n", r.name)
	if len(r.figures) > 0 {
		fmt.Fprintln(out, "| figure | median | runs | of the limit | target |\n| --- | --- | --- | --- | --- |")
	}
	for _, f := range r.figures {
		var runs []string
		for _, v := range f.values {
			runs = append(runs, number(v, f.digits))
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s |\n", f.name, number(f.median(), f.digits), strings.Join(runs, "; "), f.ratioText(), f.targetText())
	}
	for _, text := range r.remarks {
		fmt.Fprintf(out, "\n%s\n", text)
	}
}

// number writes 1234567 as 1,234,567.
func number(v float64, digits int) string {
	text := fmt.Sprintf("%.*f", digits, v)
	whole, fraction, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		return whole + "." + fraction
	}
	return whole
}
