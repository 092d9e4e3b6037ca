package v2

import (
	"fmt"
	"testing"
)

func TestModel(t *testing.T) {
	s := newServer(t, "")
	made := s.want(201, "POST", "/api/models", `{"model":{"name":"KVM","vendor_class":"QEMU"}}`)
	host := s.want(201, "POST", "/api/hosts", fmt.Sprintf(`{"host":{"name":"a","managed":false,"domain_id":%d,"model_name":"KVM"}}`, s.w.Domain))
	if host["model_id"] != made["id"] || host["model_name"] != "KVM" {
		t.Errorf("host: %v", host)
	}
	if got := s.want(200, "GET", "/api/models?search=vendor_class+%3D+QEMU", ""); path(got, "results", 0, "hosts_count") != 1.0 {
		t.Errorf("list: %v", got)
	}
	if got := s.want(200, "GET", "/api/hosts?search=model+%3D+KVM", ""); got["subtotal"] != 1.0 {
		t.Errorf("hosts of the model: %v", got)
	}
	if got := s.want(422, "DELETE", "/api/models/KVM", ""); path(got, "error", "errors", "base", 0) != "KVM is used by a.example.com" {
		t.Errorf("delete in use: %v", got)
	}
}
