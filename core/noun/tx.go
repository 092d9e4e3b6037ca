package noun

// A Tx is a running transaction as hooks and orchestration see it. It is not
// safe for concurrent use, and its function may run more than once.
type Tx struct {
	conn     Conn
	registry *Registry
}

// Conn is the backend's own side of the transaction; core/store knows what to
// do with it, so that plans and audits are written with the change they are of.
func (tx *Tx) Conn() Conn { return tx.conn }

// Registry is where the nouns are.
func (tx *Tx) Registry() *Registry { return tx.registry }
