# frozen_string_literal: true

# What records answer to beyond their fields.
module Provision
  class Host
    def shortname = name.to_s.split(".").first

    def ip = primary_interface&.ip
    def ip6 = primary_interface&.ip6
    def mac = primary_interface&.mac
    def domain = primary_interface&.domain
    def subnet = primary_interface&.subnet
    def subnet6 = primary_interface&.subnet6

    def os = operatingsystem
    def arch = architecture
    def facts_hash = facts
    def param(name) = params[name]
    def host_param(name) = params[name]
    def build? = build == true
    def managed? = managed == true
    def pxe_build? = provision_method != "image"
    def image_build? = provision_method == "image"
    def pxe_loader_efi? = pxe_loader.to_s.include?("UEFI")

    def primary_interface = interfaces.find(&:primary)
    def provision_interface = interfaces.find(&:provision) || primary_interface
    def managed_interfaces = interfaces.select { |i| i.managed? && !i.bmc? }
    def bond_interfaces = interfaces.select(&:bond?)
    def bridge_interfaces = interfaces.select(&:bridge?)
    def bmc_nic = interfaces.find(&:bmc?)

    def interfaces_with_identifier(identifiers)
      interfaces.select { |i| Array(identifiers).include?(i.identifier) }
    end

    def sp_name = bmc_nic&.name
    def sp_ip = bmc_nic&.ip
    def sp_mac = bmc_nic&.mac
    def sp_subnet = bmc_nic&.subnet

    def get_status(name) = statuses && statuses[name.to_s]

    def diskLayout = Provision.scope.disk_layout # rubocop:disable Naming/MethodName

    def url_for_boot(file)
      Provision.scope.boot_uri(file.to_s)
    end
  end

  class Interface
    def shortname = name.to_s.split(".").first
    def type = @data["type"].to_s.empty? ? "Interface" : @data["type"]
    def bond? = type == "Bond"
    def bridge? = type == "Bridge"
    def bmc? = type == "BMC"
    def primary? = primary == true
    def provision? = provision == true
    def managed? = managed == true
    def virtual? = virtual == true
    def vlanid = tag || subnet&.vlanid&.to_s
    def attached_devices = attached_devices_identifiers
    def inheriting_mac = mac
    def to_s = identifier || name.to_s
    def mtu = @data["mtu"] || subnet&.mtu

    # The network that the interface is configured by: IPv4 if there is one.
    def dhcp? = (subnet || subnet6).nil? || (subnet || subnet6).dhcp_boot_mode?
  end

  class Subnet
    def dhcp_boot_mode? = boot_mode != "Static"
    def has_vlanid? = !vlanid.nil? && vlanid.positive?
    def dns_servers = [dns_primary, dns_secondary].compact
    def network_address = "#{network}/#{cidr}"
    def to_label = "#{name} (#{network_address})"
    def parameters = params
    def dhcp? = !dhcp.nil?
    def tftp? = !tftp.nil?
    def dns? = !dns.nil?
    def template? = !template.nil?
    def httpboot? = !httpboot.nil?
  end

  class Domain
    def parameters = params
  end

  class OperatingSystem
    def to_s = to_label
    def to_label = title || fullname
    def fullname = [name, [major, minor].compact.join(".")].reject(&:empty?).join(" ")
    def type = family
    def parameters = params
  end

  class Architecture
    def bits = name.to_s.include?("64") ? 64 : 32
  end

  class Hostgroup
    def to_label = title || name
    def to_s = to_label.to_s
    def parameters = params
  end

  class Taxonomy
    def to_label = title || name
  end

  class Owner
    def to_s = name || login.to_s
  end

  # Where the operating system is installed from.
  class MediumProvider
    attr_reader :unique_id

    def initialize(uri, unique_id)
      @uri = uri
      @unique_id = unique_id
    end

    def medium_uri(path = "")
      URI(path.empty? ? @uri : "#{@uri}/#{path.delete_prefix('/')}")
    end

    def to_s = @uri.to_s
  end
end

# The few words of Rails that templates use on plain values.
class Object
  def blank? = respond_to?(:empty?) ? empty? : !self
  def present? = !blank?
  def presence = present? ? self : nil
  def try(name = nil, *args, &block) = name.nil? ? yield(self) : public_send(name, *args, &block)
end

class NilClass
  def try(*) = nil
end

class String
  def blank? = strip.empty?
  def squish = strip.gsub(/\s+/, " ")
  alias starts_with? start_with?
  alias ends_with? end_with?
end

class Array
  def to_sentence = size > 2 ? "#{self[0..-2].join(', ')}, and #{last}" : join(" and ")
end
