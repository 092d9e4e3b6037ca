package noun

// A Conn is a backend's transaction.
type Conn interface{}

// A Registry holds the nouns that know each other.
type Registry struct{}
