// Package direct opens a database.
package direct

import _ "database/sql"
