package rest

import (
	"encoding/json"
	"net/http"

	"leat/herder"
	"leat/record"
)

func (a *API) offsetRoutes() []route {
	const offsets = "/connectors/{connector}/offsets"
	return []route{
		{method: "GET", pattern: offsets, handle: a.getOffsets},
		{method: "PATCH", pattern: offsets, handle: a.alterOffsets, body: true},
		{method: "DELETE", pattern: offsets, handle: a.resetOffsets},
	}
}

type offsetsBody struct {
	Offsets []herder.Offset `json:"offsets"`
}

type messageBody struct {
	Message string `json:"message"`
}

func (a *API) getOffsets(r *request) (*response, error) {
	offsets, err := a.herder.Offsets(r.ctx(), r.name())
	if err != nil {
		return nil, err
	}
	return ok(offsetsBody{offsets})
}

func (a *API) alterOffsets(r *request) (*response, error) {
	offsets, err := parseOffsets(r.data)
	if err != nil {
		return nil, err
	}
	if len(offsets) == 0 {
		return nil, failf(http.StatusBadRequest, "Partitions / offsets need to be provided for an alter offsets request")
	}
	message, err := a.herder.AlterOffsets(r.ctx(), r.name(), offsets)
	if err != nil {
		return nil, err
	}
	return ok(messageBody{message})
}

func (a *API) resetOffsets(r *request) (*response, error) {
	message, err := a.herder.ResetOffsets(r.ctx(), r.name())
	if err != nil {
		return nil, err
	}
	return ok(messageBody{message})
}

const (
	offsetsType = "org.apache.kafka.connect.runtime.rest.entities.ConnectorOffsets"
	offsetType  = "org.apache.kafka.connect.runtime.rest.entities.ConnectorOffset"
	mapType     = "java.util.LinkedHashMap<java.lang.String,java.lang.Object>"
)

// parseOffsets reads {"offsets":[{"partition":{…},"offset":{…}}]}.
func parseOffsets(data []byte) ([]herder.Offset, error) {
	fields, err := object(data, offsetsType)
	if err != nil {
		return nil, err
	}
	if err := onlyFields(fields, offsetsType, "offsets"); err != nil {
		return nil, err
	}
	raw := fields["offsets"]
	switch {
	case raw == nil || raw[0] == 'n':
		return nil, nil
	case raw[0] != '[':
		return nil, wrongType("java.util.ArrayList<"+offsetType+">", raw)
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return nil, wrongType(offsetsType, raw)
	}
	out := make([]herder.Offset, len(elements))
	for i, e := range elements {
		if out[i], err = parseOffset(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func parseOffset(data []byte) (o herder.Offset, err error) {
	fields, err := object(data, offsetType)
	if err != nil {
		return o, err
	}
	if err := onlyFields(fields, offsetType, "partition", "offset"); err != nil {
		return o, err
	}
	if o.Partition, err = objectOrNull(fields["partition"]); err != nil {
		return o, err
	}
	o.Offset, err = objectOrNull(fields["offset"])
	return o, err
}

func objectOrNull(raw json.RawMessage) (record.Value, error) {
	switch {
	case raw == nil || raw[0] == 'n':
		return record.Null, nil
	case raw[0] != '{':
		return record.Null, wrongType(mapType, raw)
	}
	var v record.Value
	if err := v.UnmarshalJSON(raw); err != nil {
		return record.Null, malformed("Cannot deserialize value of type `%s`: %v", mapType, err)
	}
	return v, nil
}
