package v2

import (
	"net/http"
	"strconv"
	"time"
)

// fixed are the routes that no noun has.
func (a *API) fixed() []Route {
	return []Route{
		{Method: http.MethodGet, Pattern: "/ping", Action: "ping", Public: true, handle: ping},
		{Method: http.MethodGet, Pattern: "/status", Action: "status", Anyone: true, handle: status},
		{Method: http.MethodGet, Pattern: "/{$}", Action: "index", Anyone: true, handle: home},
	}
}

func ping(q *Request) error {
	started := time.Now()
	active := q.API.o.Ping == nil || q.API.o.Ping(q.R.Context()) == nil
	code := 200
	if !active {
		code = 500
	}
	took := strconv.FormatInt(time.Since(started).Milliseconds(), 10)
	return q.JSON(code, object{"results": object{"foreman": object{"database": object{"active": active, "duration_ms": took}}}})
}

func status(q *Request) error {
	return q.JSON(200, object{"result": "ok", "status": 200, "version": Version, "api_version": 2})
}

// home lists where things are.
func home(q *Request) error {
	links := map[string]map[string]string{}
	for _, r := range q.API.routes {
		if r.Noun == nil || r.Action != "index" || len(r.parents) > 0 {
			continue
		}
		links[r.Noun.Collection()] = map[string]string{"List all " + r.Noun.Collection(): "/api" + r.Pattern}
	}
	return q.JSON(200, object{"links": links})
}
