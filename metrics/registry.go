package metrics

type registry struct{}
