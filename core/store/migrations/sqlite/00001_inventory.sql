-- +goose Up
CREATE TABLE "taxonomies" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "type" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "description" TEXT,
    "parent_id" INTEGER REFERENCES "taxonomies" ("id"),
    "ancestry" TEXT,
    "ignore_types" TEXT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "taxonomies_type_title" ON "taxonomies" ("type", "title");
CREATE INDEX "taxonomies_parent_id" ON "taxonomies" ("parent_id");

CREATE TABLE "taxonomy_ignored_types" (
    "taxonomy_id" INTEGER NOT NULL REFERENCES "taxonomies" ("id") ON DELETE CASCADE,
    "type" TEXT NOT NULL,
    PRIMARY KEY ("taxonomy_id", "type")
);

CREATE TABLE "taxable_taxonomies" (
    "taxonomy_id" INTEGER NOT NULL REFERENCES "taxonomies" ("id") ON DELETE CASCADE,
    "taxable_id" INTEGER NOT NULL,
    "taxable_type" TEXT NOT NULL,
    PRIMARY KEY ("taxable_type", "taxable_id", "taxonomy_id")
);
CREATE INDEX "taxable_taxonomies_taxonomy_id_taxable_type" ON "taxable_taxonomies" ("taxonomy_id", "taxable_type");

CREATE TABLE "smart_proxies" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "version" TEXT,
    "features" TEXT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "smart_proxies_name" ON "smart_proxies" ("name");
CREATE UNIQUE INDEX "smart_proxies_url" ON "smart_proxies" ("url");

CREATE TABLE "domains" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    "fullname" TEXT,
    "dns_id" INTEGER REFERENCES "smart_proxies" ("id"),
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "domains_name" ON "domains" ("name");
CREATE UNIQUE INDEX "domains_fullname" ON "domains" ("fullname");
CREATE INDEX "domains_dns_id" ON "domains" ("dns_id");

CREATE TABLE "subnets" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "description" TEXT,
    "network" TEXT NOT NULL,
    "cidr" INTEGER NOT NULL,
    "mask" TEXT,
    "priority" INTEGER,
    "vlanid" INTEGER,
    "mtu" INTEGER NOT NULL,
    "nic_delay" INTEGER,
    "gateway" TEXT,
    "dns_primary" TEXT,
    "dns_secondary" TEXT,
    "from" TEXT,
    "to" TEXT,
    "ipam" TEXT NOT NULL,
    "boot_mode" TEXT NOT NULL,
    "externalipam_group" TEXT,
    "dhcp_id" INTEGER REFERENCES "smart_proxies" ("id"),
    "tftp_id" INTEGER REFERENCES "smart_proxies" ("id"),
    "httpboot_id" INTEGER REFERENCES "smart_proxies" ("id"),
    "externalipam_id" INTEGER REFERENCES "smart_proxies" ("id"),
    "dns_id" INTEGER REFERENCES "smart_proxies" ("id"),
    "template_id" INTEGER REFERENCES "smart_proxies" ("id"),
    "bmc_id" INTEGER REFERENCES "smart_proxies" ("id"),
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "subnets_name" ON "subnets" ("name");
CREATE INDEX "subnets_network" ON "subnets" ("network");

CREATE TABLE "subnet_domains" (
    "subnet_id" INTEGER NOT NULL REFERENCES "subnets" ("id") ON DELETE CASCADE,
    "domain_id" INTEGER NOT NULL REFERENCES "domains" ("id") ON DELETE CASCADE,
    PRIMARY KEY ("subnet_id", "domain_id")
);
CREATE INDEX "subnet_domains_domain_id" ON "subnet_domains" ("domain_id");

CREATE TABLE "architectures" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "architectures_name" ON "architectures" ("name");

CREATE TABLE "operatingsystems" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "description" TEXT,
    "major" TEXT NOT NULL,
    "minor" TEXT NOT NULL,
    "family" TEXT,
    "release_name" TEXT,
    "password_hash" TEXT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "operatingsystems_title" ON "operatingsystems" ("title");
CREATE UNIQUE INDEX "operatingsystems_name_major_minor" ON "operatingsystems" ("name", "major", "minor");

CREATE TABLE "architectures_operatingsystems" (
    "architecture_id" INTEGER NOT NULL REFERENCES "architectures" ("id") ON DELETE CASCADE,
    "operatingsystem_id" INTEGER NOT NULL REFERENCES "operatingsystems" ("id") ON DELETE CASCADE,
    PRIMARY KEY ("operatingsystem_id", "architecture_id")
);
CREATE INDEX "architectures_operatingsystems_architecture_id" ON "architectures_operatingsystems" ("architecture_id");

CREATE TABLE "media" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    "path" TEXT NOT NULL,
    "os_family" TEXT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "media_name" ON "media" ("name");
CREATE UNIQUE INDEX "media_path" ON "media" ("path");

CREATE TABLE "media_operatingsystems" (
    "medium_id" INTEGER NOT NULL REFERENCES "media" ("id") ON DELETE CASCADE,
    "operatingsystem_id" INTEGER NOT NULL REFERENCES "operatingsystems" ("id") ON DELETE CASCADE,
    PRIMARY KEY ("operatingsystem_id", "medium_id")
);
CREATE INDEX "media_operatingsystems_medium_id" ON "media_operatingsystems" ("medium_id");

CREATE TABLE "ptables" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "os_family" TEXT,
    "layout" TEXT NOT NULL,
    "snippet" BOOLEAN NOT NULL,
    "locked" BOOLEAN NOT NULL,
    "default" BOOLEAN NOT NULL,
    "vendor" TEXT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "ptables_name" ON "ptables" ("name");

CREATE TABLE "operatingsystems_ptables" (
    "operatingsystem_id" INTEGER NOT NULL REFERENCES "operatingsystems" ("id") ON DELETE CASCADE,
    "ptable_id" INTEGER NOT NULL REFERENCES "ptables" ("id") ON DELETE CASCADE,
    PRIMARY KEY ("operatingsystem_id", "ptable_id")
);
CREATE INDEX "operatingsystems_ptables_ptable_id" ON "operatingsystems_ptables" ("ptable_id");

CREATE TABLE "template_kinds" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "template_kinds_name" ON "template_kinds" ("name");

CREATE TABLE "provisioning_templates" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    "template_kind_id" INTEGER REFERENCES "template_kinds" ("id"),
    "snippet" BOOLEAN NOT NULL,
    "description" TEXT,
    "template" TEXT NOT NULL,
    "locked" BOOLEAN NOT NULL,
    "default" BOOLEAN NOT NULL,
    "vendor" TEXT,
    "cloned_from_id" INTEGER REFERENCES "provisioning_templates" ("id") ON DELETE SET NULL,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "provisioning_templates_name" ON "provisioning_templates" ("name");
CREATE INDEX "provisioning_templates_template_kind_id" ON "provisioning_templates" ("template_kind_id");

CREATE TABLE "operatingsystems_provisioning_templates" (
    "operatingsystem_id" INTEGER NOT NULL REFERENCES "operatingsystems" ("id") ON DELETE CASCADE,
    "provisioning_template_id" INTEGER NOT NULL REFERENCES "provisioning_templates" ("id") ON DELETE CASCADE,
    PRIMARY KEY ("operatingsystem_id", "provisioning_template_id")
);
CREATE INDEX "operatingsystems_provisioning_templates_provisioning_template_id" ON "operatingsystems_provisioning_templates" ("provisioning_template_id");

CREATE TABLE "os_default_templates" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "operatingsystem_id" INTEGER NOT NULL REFERENCES "operatingsystems" ("id") ON DELETE CASCADE,
    "provisioning_template_id" INTEGER NOT NULL REFERENCES "provisioning_templates" ("id"),
    "template_kind_id" INTEGER NOT NULL REFERENCES "template_kinds" ("id"),
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "os_default_templates_operatingsystem_id_template_kind_id" ON "os_default_templates" ("operatingsystem_id", "template_kind_id");
CREATE INDEX "os_default_templates_provisioning_template_id" ON "os_default_templates" ("provisioning_template_id");

CREATE TABLE "environments" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "environments_name" ON "environments" ("name");

CREATE TABLE "puppetclasses" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "puppetclasses_name" ON "puppetclasses" ("name");

CREATE TABLE "environment_classes" (
    "environment_id" INTEGER NOT NULL REFERENCES "environments" ("id") ON DELETE CASCADE,
    "puppetclass_id" INTEGER NOT NULL REFERENCES "puppetclasses" ("id") ON DELETE CASCADE,
    PRIMARY KEY ("environment_id", "puppetclass_id")
);
CREATE INDEX "environment_classes_puppetclass_id" ON "environment_classes" ("puppetclass_id");

CREATE TABLE "hostgroups" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "description" TEXT,
    "parent_id" INTEGER REFERENCES "hostgroups" ("id"),
    "ancestry" TEXT,
    "puppet_proxy_id" INTEGER REFERENCES "smart_proxies" ("id"),
    "puppet_ca_proxy_id" INTEGER REFERENCES "smart_proxies" ("id"),
    "environment_id" INTEGER REFERENCES "environments" ("id"),
    "domain_id" INTEGER REFERENCES "domains" ("id"),
    "subnet_id" INTEGER REFERENCES "subnets" ("id"),
    "subnet6_id" INTEGER REFERENCES "subnets" ("id"),
    "operatingsystem_id" INTEGER REFERENCES "operatingsystems" ("id"),
    "architecture_id" INTEGER REFERENCES "architectures" ("id"),
    "medium_id" INTEGER REFERENCES "media" ("id") ON DELETE SET NULL,
    "ptable_id" INTEGER REFERENCES "ptables" ("id"),
    "pxe_loader" TEXT,
    "root_pass" TEXT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "hostgroups_title" ON "hostgroups" ("title");
CREATE INDEX "hostgroups_parent_id" ON "hostgroups" ("parent_id");
CREATE INDEX "hostgroups_domain_id" ON "hostgroups" ("domain_id");
CREATE INDEX "hostgroups_operatingsystem_id" ON "hostgroups" ("operatingsystem_id");

CREATE TABLE "hostgroup_classes" (
    "hostgroup_id" INTEGER NOT NULL REFERENCES "hostgroups" ("id") ON DELETE CASCADE,
    "puppetclass_id" INTEGER NOT NULL REFERENCES "puppetclasses" ("id"),
    PRIMARY KEY ("hostgroup_id", "puppetclass_id")
);
CREATE INDEX "hostgroup_classes_puppetclass_id" ON "hostgroup_classes" ("puppetclass_id");

CREATE TABLE "template_combinations" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "provisioning_template_id" INTEGER NOT NULL REFERENCES "provisioning_templates" ("id") ON DELETE CASCADE,
    "hostgroup_id" INTEGER REFERENCES "hostgroups" ("id") ON DELETE CASCADE,
    "environment_id" INTEGER REFERENCES "environments" ("id") ON DELETE CASCADE,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE INDEX "template_combinations_provisioning_template_id" ON "template_combinations" ("provisioning_template_id");
CREATE INDEX "template_combinations_hostgroup_id" ON "template_combinations" ("hostgroup_id");
CREATE INDEX "template_combinations_environment_id" ON "template_combinations" ("environment_id");

CREATE TABLE "hosts" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    "organization_id" INTEGER REFERENCES "taxonomies" ("id"),
    "location_id" INTEGER REFERENCES "taxonomies" ("id"),
    "hostgroup_id" INTEGER REFERENCES "hostgroups" ("id"),
    "ip" TEXT,
    "ip6" TEXT,
    "mac" TEXT,
    "puppet_proxy_id" INTEGER REFERENCES "smart_proxies" ("id"),
    "puppet_ca_proxy_id" INTEGER REFERENCES "smart_proxies" ("id"),
    "environment_id" INTEGER REFERENCES "environments" ("id"),
    "domain_id" INTEGER REFERENCES "domains" ("id"),
    "subnet_id" INTEGER REFERENCES "subnets" ("id"),
    "subnet6_id" INTEGER REFERENCES "subnets" ("id"),
    "operatingsystem_id" INTEGER REFERENCES "operatingsystems" ("id"),
    "architecture_id" INTEGER REFERENCES "architectures" ("id"),
    "medium_id" INTEGER REFERENCES "media" ("id") ON DELETE SET NULL,
    "ptable_id" INTEGER REFERENCES "ptables" ("id"),
    "pxe_loader" TEXT,
    "certname" TEXT,
    "comment" TEXT,
    "disk" TEXT,
    "managed" BOOLEAN NOT NULL,
    "enabled" BOOLEAN NOT NULL,
    "build" BOOLEAN NOT NULL,
    "provision_method" TEXT,
    "initiated_at" TEXT,
    "installed_at" TEXT,
    "last_report" TEXT,
    "last_compile" TEXT,
    "owner_id" INTEGER,
    "owner_type" TEXT,
    "creator_id" INTEGER,
    "uuid" TEXT,
    "image_file" TEXT,
    "root_pass" TEXT,
    "grub_pass" TEXT,
    "otp" TEXT,
    "token" TEXT,
    "token_expires" TEXT,
    "build_errors" TEXT,
    "last_origin" TEXT,
    "lock_version" INTEGER NOT NULL,
    "global_status" INTEGER NOT NULL,
    "build_status" INTEGER NOT NULL,
    "configuration_status" INTEGER NOT NULL,
    "configuration_label" TEXT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "hosts_name" ON "hosts" ("name");
CREATE UNIQUE INDEX "hosts_uuid" ON "hosts" ("uuid");
CREATE UNIQUE INDEX "hosts_token" ON "hosts" ("token");
CREATE INDEX "hosts_certname" ON "hosts" ("certname");
CREATE INDEX "hosts_hostgroup_id" ON "hosts" ("hostgroup_id");
CREATE INDEX "hosts_operatingsystem_id" ON "hosts" ("operatingsystem_id");
CREATE INDEX "hosts_architecture_id" ON "hosts" ("architecture_id");
CREATE INDEX "hosts_domain_id" ON "hosts" ("domain_id");
CREATE INDEX "hosts_environment_id" ON "hosts" ("environment_id");
CREATE INDEX "hosts_organization_id" ON "hosts" ("organization_id");
CREATE INDEX "hosts_location_id" ON "hosts" ("location_id");
CREATE INDEX "hosts_ip" ON "hosts" ("ip");
CREATE INDEX "hosts_mac" ON "hosts" ("mac");
CREATE INDEX "hosts_last_report" ON "hosts" ("last_report");
CREATE INDEX "hosts_owner_type_owner_id" ON "hosts" ("owner_type", "owner_id");
CREATE INDEX "hosts_puppet_proxy_id" ON "hosts" ("puppet_proxy_id");

CREATE TABLE "host_classes" (
    "host_id" INTEGER NOT NULL REFERENCES "hosts" ("id") ON DELETE CASCADE,
    "puppetclass_id" INTEGER NOT NULL REFERENCES "puppetclasses" ("id"),
    PRIMARY KEY ("host_id", "puppetclass_id")
);
CREATE INDEX "host_classes_puppetclass_id" ON "host_classes" ("puppetclass_id");

CREATE TABLE "interfaces" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "host_id" INTEGER NOT NULL REFERENCES "hosts" ("id") ON DELETE CASCADE,
    "type" TEXT NOT NULL,
    "name" TEXT,
    "ip" TEXT,
    "ip6" TEXT,
    "mac" TEXT,
    "mtu" INTEGER,
    "identifier" TEXT,
    "primary" BOOLEAN NOT NULL,
    "provision" BOOLEAN NOT NULL,
    "nic_delay" INTEGER,
    "domain_id" INTEGER REFERENCES "domains" ("id"),
    "subnet_id" INTEGER REFERENCES "subnets" ("id"),
    "subnet6_id" INTEGER REFERENCES "subnets" ("id"),
    "managed" BOOLEAN NOT NULL,
    "virtual" BOOLEAN NOT NULL,
    "attached_to" TEXT,
    "tag" TEXT,
    "attached_devices" TEXT,
    "mode" TEXT,
    "bond_options" TEXT,
    "provider" TEXT,
    "username" TEXT,
    "password" TEXT,
    "link" BOOLEAN NOT NULL,
    "attrs" TEXT,
    "compute_attributes" TEXT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "interfaces_host_id_identifier" ON "interfaces" ("host_id", "identifier");
CREATE INDEX "interfaces_mac" ON "interfaces" ("mac");
CREATE INDEX "interfaces_ip" ON "interfaces" ("ip");
CREATE INDEX "interfaces_ip6" ON "interfaces" ("ip6");
CREATE INDEX "interfaces_subnet_id" ON "interfaces" ("subnet_id");
CREATE INDEX "interfaces_subnet6_id" ON "interfaces" ("subnet6_id");
CREATE INDEX "interfaces_domain_id" ON "interfaces" ("domain_id");
CREATE INDEX "interfaces_name" ON "interfaces" ("name");

CREATE TABLE "parameters" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "type" TEXT NOT NULL,
    "reference_id" INTEGER,
    "name" TEXT NOT NULL,
    "key_type" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "searchable_value" TEXT NOT NULL,
    "hidden_value" BOOLEAN NOT NULL,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE INDEX "parameters_type_reference_id_name" ON "parameters" ("type", "reference_id", "name");
CREATE INDEX "parameters_type_name" ON "parameters" ("type", "name");

CREATE TABLE "config_reports" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "host_id" INTEGER NOT NULL REFERENCES "hosts" ("id") ON DELETE CASCADE,
    "reported_at" TEXT NOT NULL,
    "status" INTEGER NOT NULL,
    "origin" TEXT,
    "metrics" TEXT,
    "logs" TEXT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "config_reports_host_id_reported_at" ON "config_reports" ("host_id", "reported_at");
CREATE INDEX "config_reports_reported_at" ON "config_reports" ("reported_at");

CREATE TABLE "fact_names" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    "short_name" TEXT,
    "type" TEXT NOT NULL,
    "parent_id" INTEGER REFERENCES "fact_names" ("id") ON DELETE SET NULL,
    "compose" BOOLEAN NOT NULL,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "fact_names_type_name" ON "fact_names" ("type", "name");

CREATE TABLE "fact_values" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "host_id" INTEGER NOT NULL REFERENCES "hosts" ("id") ON DELETE CASCADE,
    "fact_name_id" INTEGER NOT NULL REFERENCES "fact_names" ("id") ON DELETE CASCADE,
    "value" TEXT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "fact_values_host_id_fact_name_id" ON "fact_values" ("host_id", "fact_name_id");
CREATE INDEX "fact_values_fact_name_id" ON "fact_values" ("fact_name_id");
