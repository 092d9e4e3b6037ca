package pcore

func (t *InitType) takes(o Type) bool { return false }
