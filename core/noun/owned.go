package noun

// OwnParameters are the parameters on a whole record itself, for forms; nil
// when the noun has none.
func (n *Any) OwnParameters(rec any) []*Parameter {
	if n.parameters == nil {
		return nil
	}
	var own []*Parameter
	for _, child := range n.parameters.get(n.pointer(rec)) {
		own = append(own, child.(*Parameter))
	}
	return own
}

// ParametersKey is the body key that sets the parameters.
func (n *Any) ParametersKey() string {
	if n.parameters == nil || len(n.parameters.body) == 0 {
		return ""
	}
	return n.parameters.body[0]
}
