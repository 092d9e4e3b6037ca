# frozen_string_literal: true

# Helpers about this server and where machines reach it.
module Provision
  class Scope
    def foreman_server_fqdn = @__site["fqdn"]
    def foreman_server_url = @__site["url"]
    def foreman_short_version = @__site["version"]
    def product_short_version = @__site["version"]
    def preview? = @__site["preview"] == true
    def template_name = @template_name
    def plugin_present?(name) = @__site["plugins"].include?(name.to_s)

    def foreman_request_addr
      uri = URI(unattended_base)
      uri.port == uri.default_port ? uri.host : "#{uri.host}:#{uri.port}"
    end

    # The URL of a build endpoint, as this machine reaches it.
    def foreman_url(action = "provision", params = {}, unescaped_params = {})
      query = params.transform_keys(&:to_s)
      query = { "token" => @host.token }.merge(query) if @host&.build? && @host.token
      parts = query.map { |name, value| "#{name}=#{URI.encode_www_form_component(value.to_s)}" }
      parts += unescaped_params.map { |name, value| "#{name}=#{value}" }
      url = "#{unattended_base}/unattended/#{action}"
      parts.empty? ? url : "#{url}?#{parts.join('&')}"
    end

    def default_template_url(template, hostgroup)
      name = template.respond_to?(:name) ? template.name : template
      group = hostgroup.respond_to?(:title) ? hostgroup.title : hostgroup
      "#{@__site['unattended_url']}/unattended/template/#{path_escape(name)}/#{path_escape(group)}"
    end

    def global_setting(name, blank_default = nil)
      settings = @__site["settings"]
      Kernel.raise NotAllowed, "the setting #{name} is not for templates" unless settings.key?(name.to_s)

      value = settings[name.to_s]
      value.nil? || value == "" ? blank_default : value
    end

    def foreman_server_ca_cert(server_ca_file_enabled: true, ssl_ca_file_enabled: true)
      cert = @__site["ca_cert"]
      if cert.to_s.empty? || !(server_ca_file_enabled || ssl_ca_file_enabled)
        Kernel.raise NotAllowed, "no CA certificate of this server is known"
      end

      cert
    end

    def dns_lookup(name_or_ip) = Chargehand.call("dns_lookup", name_or_ip.to_s)

    def input(name)
      @__inputs.fetch(name.to_s) { Kernel.raise NotAllowed, "the template has no input #{name.inspect}" }
    end

    %i[debug info warn error fatal].each do |level|
      define_method(:"log_#{level}") do |text|
        Chargehand.call("log", level.to_s, text.to_s)
        ""
      end
    end

    # Known helpers that have nothing to work on here.
    {
      previous_revision: "earlier versions of records are not kept for templates",
      transpile_coreos_linux_config: "there is no transpiler for this format",
      transpile_fedora_coreos_config: "there is no transpiler for this format",
      sequence_hostgroup_param_next: "rendering changes no host group",
      user_auth_source_name: "authentication sources are not shown to templates",
      input_resource: "resources are not given to provisioning templates",
      rand_name: "there is no name generator",
      mac_name: "there is no name generator"
    }.each do |name, why|
      define_method(name) { |*, **| Kernel.raise NotAllowed, "#{name} is not available: #{why}" }
    end

    private

    def unattended_base
      base = @template_url
      base ||= [@host&.provision_interface&.subnet6, @host&.provision_interface&.subnet].compact.filter_map(&:template).first&.url
      (base || @__site["unattended_url"]).to_s.delete_suffix("/")
    end

    def path_escape(text) = URI.encode_www_form_component(text.to_s).gsub("+", "%20")
  end
end
