package storage

import (
	"maps"
	"strings"

	"github.com/chargehand/chargehand/internal/sqldb"
)

// A relation says where an entity's rows come from and what SQL each field is.
// "@" in the texts stands for a number that makes the aliases of one use unique.
type relation struct {
	from   string
	fields map[string]string
	// texts are what fields that are not texts are ordered and matched by.
	texts map[string]string
}

const nodeJoin = " JOIN nodes n@ ON n@.id = "

// relations describes every entity of puppetdb/query for the dialect.
func relations(d sqldb.Dialect) map[string]relation {
	resources, edges, events, factsData := aggregates(d)
	all := map[string]relation{
		"nodes": {
			from: `nodes n@ LEFT JOIN factsets f@ ON f@.node_id = n@.id LEFT JOIN catalogs c@ ON c@.node_id = n@.id
				LEFT JOIN reports r@ ON r@.id = n@.latest_report_id`,
			fields: map[string]string{
				"certname": "n@.certname", "deactivated": "n@.deactivated", "expired": "n@.expired",
				"catalog_timestamp": "c@.received", "facts_timestamp": "f@.received", "report_timestamp": "r@.end_time",
				"catalog_environment": "c@.environment", "facts_environment": "f@.environment", "report_environment": "r@.environment",
				"latest_report_hash": "r@.hash", "latest_report_status": "r@.status", "latest_report_noop": "r@.noop",
				"latest_report_noop_pending": "r@.noop_pending", "latest_report_corrective_change": "NULL",
				"latest_report_job_id": "r@.job_id", "cached_catalog_status": "r@.cached_catalog_status",
				"expires_facts": "coalesce(n@.expires_facts, " + boolean(d, true) + ")", "expires_facts_updated": "n@.expires_facts_updated",
			},
		},
		"facts": {
			from:   "facts v@" + nodeJoin + "v@.node_id JOIN factsets f@ ON f@.node_id = v@.node_id",
			fields: map[string]string{"certname": "n@.certname", "environment": "f@.environment", "name": "v@.name", "value": "v@.value"},
		},
		"factsets": {
			from: "factsets f@" + nodeJoin + "f@.node_id",
			fields: map[string]string{
				"certname": "n@.certname", "environment": "f@.environment", "timestamp": "f@.received", "producer": "f@.producer",
				"producer_timestamp": "f@.producer_timestamp", "hash": "f@.hash", "facts": factsData, "package_inventory": nodePackages(d),
			},
		},
		"inventory": {
			from: "factsets f@" + nodeJoin + "f@.node_id",
			fields: map[string]string{
				"certname": "n@.certname", "environment": "f@.environment", "timestamp": "f@.received",
				"facts": "f@.facts", "trusted": member(d, "f@.facts", "trusted"),
			},
		},
		"catalogs": {
			from: "catalogs c@" + nodeJoin + "c@.node_id",
			fields: map[string]string{
				"certname": "n@.certname", "version": "c@.version", "environment": "c@.environment", "hash": "c@.hash",
				"transaction_uuid": "c@.transaction_uuid", "catalog_uuid": "c@.catalog_uuid", "code_id": "c@.code_id", "job_id": "c@.job_id",
				"producer": "c@.producer", "producer_timestamp": "c@.producer_timestamp", "resources": resources, "edges": edges,
			},
		},
		"resources": {
			from: "resources s@" + nodeJoin + "s@.node_id JOIN catalogs c@ ON c@.node_id = s@.node_id",
			fields: map[string]string{
				"certname": "n@.certname", "environment": "c@.environment", "type": "s@.type", "title": "s@.title", "tags": "s@.tags",
				"tag": "s@.tags", "exported": "s@.exported", "file": "s@.file", "line": "s@.line", "parameters": "s@.parameters", "resource": "s@.hash",
			},
		},
		"edges": {
			from: "edges d@" + nodeJoin + "d@.node_id",
			fields: map[string]string{
				"certname": "n@.certname", "relationship": "d@.relationship", "source_type": "d@.source_type",
				"source_title": "d@.source_title", "target_type": "d@.target_type", "target_title": "d@.target_title",
			},
		},
		"reports": reportRelation(events),
		"events":  eventRelation(),
		"packages": {
			from:   "(SELECT name, version, provider FROM packages p WHERE EXISTS (SELECT 1 FROM node_packages h WHERE h.package_id = p.id)) p@",
			fields: packageFields(""),
		},
		"package_inventory": {
			from:   "node_packages h@ JOIN packages p@ ON p@.id = h@.package_id" + nodeJoin + "h@.node_id",
			fields: packageFields("n@.certname"),
		},
		"catalog_inputs": {
			from: "(SELECT DISTINCT node_id FROM catalog_inputs) i@" + nodeJoin + "i@.node_id",
			fields: map[string]string{
				"certname": "n@.certname", "catalog_uuid": "n@.inputs_uuid", "producer_timestamp": "n@.inputs_timestamp", "inputs": nodeInputs(d),
			},
		},
		"catalog_input_contents": {
			from: "catalog_inputs i@" + nodeJoin + "i@.node_id",
			fields: map[string]string{
				"certname": "n@.certname", "catalog_uuid": "n@.inputs_uuid", "producer_timestamp": "n@.inputs_timestamp",
				"type": "i@.type", "name": "i@.name",
			},
		},
		"environments": {
			from:   `(SELECT environment AS name FROM factsets UNION SELECT environment FROM catalogs UNION SELECT environment FROM reports) x@`,
			fields: map[string]string{"name": "x@.name"},
		},
		"producers": {
			from: `(SELECT producer AS name FROM factsets WHERE producer IS NOT NULL UNION SELECT producer FROM catalogs WHERE producer IS NOT NULL
				UNION SELECT producer FROM reports WHERE producer IS NOT NULL) x@`,
			fields: map[string]string{"name": "x@.name"},
		},
		"fact_names": {
			from: "(SELECT DISTINCT name FROM facts) x@", fields: map[string]string{"name": "x@.name"},
		},
	}
	maps.Copy(all, factRelations(d))
	return all
}

func packageFields(certname string) map[string]string {
	fields := map[string]string{"package_name": "p@.name", "version": "p@.version", "provider": "p@.provider"}
	if certname != "" {
		fields["certname"] = certname
	}
	return fields
}

// nodePackages and nodeInputs give the wire form: arrays of arrays of texts.
func nodePackages(d sqldb.Dialect) string {
	return arrays(d, "p.name, p.version, p.provider", "node_packages h JOIN packages p ON p.id = h.package_id WHERE h.node_id = n@.id")
}

func nodeInputs(d sqldb.Dialect) string {
	return arrays(d, "i.type, i.name", "catalog_inputs i WHERE i.node_id = n@.id")
}

func arrays(d sqldb.Dialect, columns, from string) string {
	if d == sqldb.Postgres {
		return "(SELECT jsonb_agg(jsonb_build_array(" + columns + ")) FROM " + from + ")"
	}
	return "(SELECT CASE WHEN count(*) > 0 THEN json_group_array(json_array(" + columns + ")) END FROM " + from + ")"
}

func reportRelation(events string) relation {
	r := relation{from: "reports r@" + nodeJoin + "r@.node_id", fields: map[string]string{
		"certname": "n@.certname", "latest_report?": "(n@.latest_report_id = r@.id)", "corrective_change": "NULL",
		"resource_events": events, "metrics": listData("r@.metrics", "'/pdb/query/v4/reports/' || r@.hash || '/metrics'"),
		"logs": listData("r@.logs", "'/pdb/query/v4/reports/' || r@.hash || '/logs'"),
	}}
	for name := range strings.FieldsSeq(`hash puppet_version report_format configuration_version start_time end_time producer_timestamp
		receive_time producer environment status noop noop_pending transaction_uuid catalog_uuid code_id job_id cached_catalog_status type`) {
		r.fields[name] = "r@." + name
	}
	return r
}

func eventRelation() relation {
	r := relation{from: "events e@ JOIN reports r@ ON r@.id = e@.report_id" + nodeJoin + "r@.node_id", fields: map[string]string{
		"certname": "n@.certname", "report": "r@.hash", "run_start_time": "r@.start_time", "run_end_time": "r@.end_time",
		"report_receive_time": "r@.receive_time", "environment": "r@.environment", "configuration_version": "r@.configuration_version",
		"corrective_change": "NULL", "latest_report?": "(n@.latest_report_id = r@.id)",
	}}
	for name := range strings.FieldsSeq("status timestamp resource_type resource_title name property new_value old_value message file line containment_path containing_class") {
		r.fields[name] = "e@." + name
	}
	return r
}

// An aggregate field is answered as {"data": [...], "href": "..."}: the SQL gives
// the two halves with a NUL-free marker between them, put together in answer.go.
const (
	aggregatePrefix = "aggregate("
	aggregateMark   = "\x1f"
)

func listData(data, href string) string { return aggregatePrefix + data + aggregateMark + href + ")" }

// aggregates gives the list-valued fields of catalogs, reports and factsets.
func aggregates(d sqldb.Dialect) (resources, edges, events, facts string) {
	build, group, raw, array := "json_object", "json_group_array", "json", "json"
	boolean := func(column string) string { return "json(CASE WHEN " + column + " THEN 'true' ELSE 'false' END)" }
	each := "(SELECT json_group_array(json_object('name', v.name, 'value', json(v.value))) FROM facts v WHERE v.node_id = f@.node_id)"
	if d == sqldb.Postgres {
		build, group, raw, array = "jsonb_build_object", "jsonb_agg", "", "coalesce"
		boolean = func(column string) string { return column }
		each = "(SELECT coalesce(jsonb_agg(jsonb_build_object('name', v.name, 'value', v.value)), '[]') FROM facts v WHERE v.node_id = f@.node_id)"
	}
	list := func(object, from string) string {
		inner := group + "(" + build + "(" + object + "))"
		if array == "coalesce" {
			inner = "coalesce(" + inner + ", '[]')"
		}
		return "(SELECT " + inner + " FROM " + from + ")"
	}
	moment := "e.timestamp"
	resources = listData(list(`'resource', s.hash, 'type', s.type, 'title', s.title, 'tags', `+raw+`(s.tags), 'exported', `+boolean("s.exported")+
		`, 'file', s.file, 'line', s.line, 'parameters', `+raw+`(s.parameters)`, "resources s WHERE s.node_id = c@.node_id"),
		"'/pdb/query/v4/catalogs/' || n@.certname || '/resources'")
	edges = listData(list(`'relationship', d.relationship, 'source_type', d.source_type, 'source_title', d.source_title,
		'target_type', d.target_type, 'target_title', d.target_title`, "edges d WHERE d.node_id = c@.node_id"),
		"'/pdb/query/v4/catalogs/' || n@.certname || '/edges'")
	events = listData(list(`'status', e.status, 'timestamp', `+isoTime(d, moment)+`, 'resource_type', e.resource_type, 'resource_title', e.resource_title,
		'property', e.property, 'name', e.name, 'new_value', `+raw+`(e.new_value), 'old_value', `+raw+`(e.old_value), 'message', e.message,
		'file', e.file, 'line', e.line, 'containment_path', `+raw+`(e.containment_path), 'containing_class', e.containing_class, 'corrective_change', NULL`,
		"events e WHERE e.report_id = r@.id"), "'/pdb/query/v4/reports/' || r@.hash || '/events'")
	return resources, edges, events, listData(each, "'/pdb/query/v4/factsets/' || n@.certname || '/facts'")
}

// isoTime writes a millisecond column as inner JSON does: with "+00:00".
func isoTime(d sqldb.Dialect, column string) string {
	if d == sqldb.Postgres {
		return `to_char(to_timestamp(` + column + ` / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"')`
	}
	return "strftime('%Y-%m-%dT%H:%M:%f+00:00', " + column + " / 1000.0, 'unixepoch')"
}

// member gives one member of a JSON document, as JSON.
func member(d sqldb.Dialect, column, name string) string {
	if d == sqldb.Postgres {
		return "(" + column + " -> '" + name + "')"
	}
	return "(" + column + " -> '$." + name + "')"
}
