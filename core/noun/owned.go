package noun

// ParametersKey is the body key that sets the parameters.
func (n *Any) ParametersKey() string {
	if n.parameters == nil || len(n.parameters.body) == 0 {
		return ""
	}
	return n.parameters.body[0]
}
