# frozen_string_literal: true

# Base64 as the gem of that name has it, which is no longer part of Ruby itself.
module Base64
  module_function

  def encode64(data) = [data].pack("m")

  def decode64(text) = text.unpack1("m")

  def strict_encode64(data) = [data].pack("m0")

  def strict_decode64(text) = text.unpack1("m0")

  def urlsafe_encode64(data, padding: true)
    text = strict_encode64(data).tr("+/", "-_")
    padding ? text : text.delete("=")
  end

  def urlsafe_decode64(text)
    strict_decode64(text.tr("-_", "+/").then { |t| t.end_with?("=") ? t : t.ljust((t.length + 3) / 4 * 4, "=") })
  end
end
