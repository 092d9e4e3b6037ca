# frozen_string_literal: true

# Helpers about the host: parameters, passwords, installation.
module Provision
  class Scope
    TRUE = [true, 1, "true", "t", "yes", "y", "on", "1"].freeze
    FALSE = [false, 0, "false", "f", "no", "n", "off", "0"].freeze
    private_constant :TRUE, :FALSE

    def host_param(name, default = nil)
      value = needs_host.params[name.to_s]
      value.nil? ? default : value
    end

    def host_param!(name)
      value = host_param(name)
      Kernel.raise NotAllowed, "the host parameter #{name.inspect} is not set" if value.nil?

      value
    end

    def host_param_true?(name, default = false) = truthy?(host_param(name, default))
    def host_param_false?(name, default = true) = falsy?(host_param(name, default))
    def truthy?(value = nil) = TRUE.include?(fold(value))
    def falsy?(value = nil) = FALSE.include?(fold(value))

    def host_enc(*path)
      path.reduce(needs_host.info || {}) do |node, key|
        found = node.is_a?(Hash) ? node.fetch(key.to_s, nil) : nil
        Kernel.raise NotAllowed, "the classification of #{@host} has no #{path.join('.')}" if found.nil?

        found
      end
    end

    def host_puppet_server = needs_host.puppet_server
    def host_puppet_ca_server = needs_host.puppet_ca_server
    def host_puppet_environment = needs_host.environment
    def root_pass = needs_host.root_pass.to_s

    def grub_pass
      pass = needs_host.grub_pass.to_s
      return "" unless @grub && !pass.empty?

      pass.start_with?("$1$") ? "--md5pass=#{pass}" : "--iscrypted --password=#{pass}"
    end

    def ks_console = @port && @baud ? "console=ttyS#{@port},#{@baud}" : ""
    def media_path(_provider = nil) = @mediapath.to_s
    def medium_provider = @medium_provider || Kernel.raise(NotAllowed, "the host has no installation medium")
    def medium_uri(path = "") = medium_provider.medium_uri(path)

    def pxe_kernel_options
      options = [host_param("kernelcmd")]
      modules = host_param("blacklist").to_s.split(",").map(&:strip).reject(&:empty?)
      unless modules.empty?
        debian = @host.os&.family == "Debian"
        options += debian ? modules.map { |m| "#{m}.blacklist=yes" } : ["modprobe.blacklist=#{modules.join(',')}"]
      end
      options.compact.reject { |o| o.to_s.empty? }.join(" ")
    end

    def subnet_param(subnet, name)
      Kernel.raise NotAllowed, "subnet_param needs a subnet" if subnet.nil?

      subnet.params && subnet.params[name.to_s]
    end

    def subnet_has_param?(subnet, name) = !subnet.nil? && (subnet.params || {}).key?(name.to_s)

    def host_status(host, name) = host.get_status(name)
    def all_host_statuses(host = @host) = (host.statuses || {}).keys
    def all_host_statuses_hash(host) = host.statuses || {}
    def host_kernel_release(host) = host.facts["kernelrelease"] || host.facts["kernel::release"]
    def host_uptime_seconds(host) = host.facts["system_uptime::seconds"] || host.facts["uptime_seconds"]
    def host_memory(host) = host.ram
    def host_sockets(host) = host.sockets
    def host_cores(host) = host.cores
    def host_virtual(host) = host.virtual

    private

    def needs_host = @host || Kernel.raise(NotAllowed, "there is no host to render this for")

    def fold(value) = value.is_a?(String) ? value.strip.downcase : value
  end
end
