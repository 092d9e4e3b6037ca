package pcore

// The aliases that the language itself defines.
var (
	builtins = newBuiltinAliases()

	// DataType is what JSON can say: scalars, undef, and arrays and hashes of Data.
	DataType = builtins.data
	// RichDataType is what a catalog can carry.
	RichDataType = builtins.richData
	// RichDataKeyType is what keys of hashes in RichData can be.
	RichDataKeyType = builtins.richDataKey
)

type builtinAliases struct{ data, richData, richDataKey *AliasType }

func newBuiltinAliases() builtinAliases {
	b := builtinAliases{NewAlias("Data"), NewAlias("RichData"), NewAlias("RichDataKey")}
	b.data.resolved = &VariantType{[]Type{
		ScalarDataType, UndefType, &HashType{Key: AnyString(), Val: b.data}, &ArrayType{Elem: b.data},
	}}
	b.richDataKey.resolved = &VariantType{[]Type{AnyString(), NumericType}}
	b.richData.resolved = &VariantType{[]Type{
		ScalarType, SemVerRangeType, BinaryType, &SensitiveType{AnyType}, &TypeType{}, AnyTypeSet, &URIType{}, AnyObject,
		UndefType, DefaultType, &HashType{Key: b.richDataKey, Val: b.richData}, &ArrayType{Elem: b.richData},
	}}
	return b
}

// isBuiltinAlias goes by name, because printing is part of what sets the variables above up.
func isBuiltinAlias(t *AliasType) bool {
	return t.name == "Data" || t.name == "RichData" || t.name == "RichDataKey"
}
