# frozen_string_literal: true

# Values of the Puppet language on their way through JSON. What JSON lacks is a
# hash with "__ptype"; what has no Ruby class here stays what it is, with a text.
module Puppet
  module Pops
    module Types
      module PSensitiveType
        class Sensitive
          def initialize(value) = @value = value
          def unwrap = @value
          def to_s = "Sensitive [value redacted]"
          def inspect = "#<#{self}>"
          def ==(other) = other.is_a?(Sensitive) && other.unwrap == unwrap
          alias eql? ==
          def hash = @value.hash
        end
      end

      # A type, a reference to a resource, a version … by its text.
      class PAnyType
        attr_reader :kind, :text

        def initialize(kind, text)
          @kind = kind
          @text = text
        end

        def to_s = @text
        def ==(other) = other.is_a?(PAnyType) && other.kind == kind && other.text == text
        alias eql? ==
        def hash = @text.hash
      end
    end
  end
end

module Chargehand
  module Values
    Sensitive = Puppet::Pops::Types::PSensitiveType::Sensitive
    Any = Puppet::Pops::Types::PAnyType

    module_function

    def decode(value)
      case value
      when Array then value.map { |v| decode(v) }
      when Hash then value.key?("__ptype") ? special(value["__ptype"], value["__pvalue"]) : value.transform_values { |v| decode(v) }
      else value
      end
    end

    def encode(value)
      case value
      when nil, true, false, Integer, String then value
      when Float then value.finite? ? value : Kernel.raise(TypeError, "#{value} is no number of the Puppet language")
      when :undef then nil
      when :default then { "__ptype" => "Default" }
      when Symbol then value.to_s
      when Array, Set then value.map { |v| encode(v) }
      when Hash then hash(value)
      when Sensitive then { "__ptype" => "Sensitive", "__pvalue" => encode(value.unwrap) }
      when Regexp then { "__ptype" => "Regexp", "__pvalue" => value.source }
      when Any then { "__ptype" => value.kind, "__pvalue" => value.text }
      else Kernel.raise TypeError, "a #{value.class} is no value of the Puppet language"
      end
    end

    def special(type, value)
      case type
      when "Default" then :default
      when "Sensitive" then Sensitive.new(decode(value))
      when "Regexp" then Regexp.new(value)
      when "Hash" then value.map { |v| decode(v) }.each_slice(2).to_h
      else Any.new(type, value)
      end
    end

    def hash(value)
      if value.keys.all? { |k| (k.is_a?(String) || (k.is_a?(Symbol) && k != :default && k != :undef)) } && !value.key?("__ptype")
        return value.to_h { |k, v| [k.to_s, encode(v)] }
      end

      { "__ptype" => "Hash", "__pvalue" => value.flat_map { |k, v| [encode(k), encode(v)] } }
    end
  end
end
