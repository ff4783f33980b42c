package record

import (
	"fmt"
	"math"
	"math/big"
	"unsafe"
)

// Kind is what a Value holds.
type Kind uint8

// The kinds. KindNull is the zero Value.
const (
	KindNull      Kind = iota
	KindUnchanged      // a column that the database did not send; not null (PostgreSQL's unchanged TOAST)
	KindBool
	KindInt     // int64; every integer type, and dates and times in the unit of their schema
	KindFloat   // float64; float32 too, exactly
	KindString  // UTF-8
	KindBytes   // opaque bytes
	KindDecimal // unscaled integer and scale, exact
	KindArray   // []Value
	KindStruct  // []Value, in the order of the schema's fields
	KindMap     // []Entry; also the object of schemaless data, whose keys are strings
)

var kindNames = [...]string{"null", "unchanged", "boolean", "int", "float", "string", "bytes", "decimal", "array", "struct", "map"}

// String names the kind for messages.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Value is one value of any kind in 24 bytes, without boxing: numbers inline, everything else by reference into memory that
// the garbage collector owns. It is immutable by contract: whoever makes a Value from a slice gives the slice away.
type Value struct {
	ptr  unsafe.Pointer // string, bytes, elements, entries, or the bytes of a decimal wider than int64
	num  uint64         // number, or length
	aux  int32          // scale of a decimal
	kind Kind
}

// Null and Unchanged are the two values without content.
var (
	Null      = Value{}
	Unchanged = Value{kind: KindUnchanged}
)

// Entry is a key and its value in a map.
type Entry struct{ Key, Value Value }

// Bool, Int, Float make numbers; String, Bytes, Array, Struct and Map refer to what they are given.
func Bool(b bool) Value {
	v := Value{kind: KindBool}
	if b {
		v.num = 1
	}
	return v
}

// Int makes an integer.
func Int(i int64) Value { return Value{kind: KindInt, num: uint64(i)} }

// Float makes a floating-point number.
func Float(f float64) Value { return Value{kind: KindFloat, num: math.Float64bits(f)} }

// String makes a string.
func String(s string) Value {
	return Value{kind: KindString, ptr: unsafe.Pointer(unsafe.StringData(s)), num: uint64(len(s))}
}

// StringBytes makes a string of UTF-8 bytes without a copy; b must never change again.
func StringBytes(b []byte) Value {
	return Value{kind: KindString, ptr: unsafe.Pointer(unsafe.SliceData(b)), num: uint64(len(b))}
}

// Bytes makes opaque bytes without a copy; b must never change again.
func Bytes(b []byte) Value {
	return Value{kind: KindBytes, ptr: unsafe.Pointer(unsafe.SliceData(b)), num: uint64(len(b))}
}

// Array makes an array of its elements.
func Array(elems []Value) Value {
	return Value{kind: KindArray, ptr: unsafe.Pointer(unsafe.SliceData(elems)), num: uint64(len(elems))}
}

// Struct makes a struct of its fields, in the order of the schema.
func Struct(fields []Value) Value {
	return Value{kind: KindStruct, ptr: unsafe.Pointer(unsafe.SliceData(fields)), num: uint64(len(fields))}
}

// Map makes a map of its entries, whose order is kept.
func Map(entries []Entry) Value {
	return Value{kind: KindMap, ptr: unsafe.Pointer(unsafe.SliceData(entries)), num: uint64(len(entries))}
}

// Decimal makes unscaled × 10^-scale of a number that fits an int64.
func Decimal(unscaled int64, scale int32) Value {
	return Value{kind: KindDecimal, num: uint64(unscaled), aux: scale}
}

// DecimalBytes makes unscaled × 10^-scale of big-endian two's complement bytes, as Kafka Connect's Decimal has them. It is
// normalised: what fits an int64 is kept inline. b must never change again; no bytes are zero.
func DecimalBytes(b []byte, scale int32) Value {
	b = trimTwosComplement(b)
	if len(b) <= 8 {
		return Decimal(twosComplementInt(b), scale)
	}
	return Value{kind: KindDecimal, ptr: unsafe.Pointer(unsafe.SliceData(b)), num: uint64(len(b)), aux: scale}
}

// DecimalBig makes unscaled × 10^-scale.
func DecimalBig(unscaled *big.Int, scale int32) Value {
	if unscaled.IsInt64() {
		return Decimal(unscaled.Int64(), scale)
	}
	return DecimalBytes(appendTwosComplement(nil, unscaled), scale)
}

// Kind tells what v holds.
func (v Value) Kind() Kind { return v.kind }

// IsNull tells whether v is null; Unchanged is not.
func (v Value) IsNull() bool { return v.kind == KindNull }

// IsUnchanged tells whether v stands for a column that the database did not send.
func (v Value) IsUnchanged() bool { return v.kind == KindUnchanged }

// The accessors below are for the kind of their name; for another kind they panic, as a wrong type assertion does.

// Bool gives a boolean.
func (v Value) Bool() bool { v.must(KindBool); return v.num != 0 }

// Int gives an integer.
func (v Value) Int() int64 { v.must(KindInt); return int64(v.num) }

// Float gives a floating-point number.
func (v Value) Float() float64 { v.must(KindFloat); return math.Float64frombits(v.num) }

// Str gives a string. It shares v's memory.
func (v Value) Str() string {
	v.must(KindString)
	return unsafe.String((*byte)(v.ptr), int(v.num))
}

// Bytes gives the bytes of a string or of bytes. They share v's memory and must not be changed.
func (v Value) Bytes() []byte {
	if v.kind != KindString {
		v.must(KindBytes)
	}
	return unsafe.Slice((*byte)(v.ptr), int(v.num))
}

// Elems gives the elements of an array or the fields of a struct; they must not be changed.
func (v Value) Elems() []Value {
	if v.kind != KindStruct {
		v.must(KindArray)
	}
	return unsafe.Slice((*Value)(v.ptr), int(v.num))
}

// Field gives the i-th field of a struct.
func (v Value) Field(i int) Value { v.must(KindStruct); return v.Elems()[i] }

// Entries gives the entries of a map in their order; they must not be changed.
func (v Value) Entries() []Entry {
	v.must(KindMap)
	return unsafe.Slice((*Entry)(v.ptr), int(v.num))
}

// Lookup finds the value of a string key in a map.
func (v Value) Lookup(key string) (Value, bool) {
	for _, e := range v.Entries() {
		if e.Key.kind == KindString && e.Key.Str() == key {
			return e.Value, true
		}
	}
	return Null, false
}

// Len is the length of a string, bytes, array, struct or map.
func (v Value) Len() int {
	switch v.kind {
	case KindString, KindBytes, KindArray, KindStruct, KindMap:
		return int(v.num)
	}
	v.must(KindArray)
	return 0
}

// SameMemory tells whether a and b are one and the same value, by reference: a cheap test that may say no for equal values.
func SameMemory(a, b Value) bool { return a == b }

func (v Value) must(k Kind) {
	if v.kind != k {
		panic("record: " + v.kind.String() + " value used as " + k.String())
	}
}
