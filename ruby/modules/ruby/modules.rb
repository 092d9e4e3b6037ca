# frozen_string_literal: true

# Loads modules' files, and calls what they define.
module Chargehand
  module Modules
    FAILED = {} # rubocop:disable Style/MutableConstant
    LIBRARY = {} # rubocop:disable Style/MutableConstant

    class << self
      # Files that others may require, by what they are required as.
      def library(files)
        LIBRARY.merge!(files)
      end

      # Loads files of functions. One that cannot be loaded is no function, and
      # whoever calls it is told why.
      def load(files)
        files.each do |name, file, text|
          TOPLEVEL_BINDING.eval(text, file, 1)
        rescue StandardError, ScriptError => e
          FAILED[name] = "#{file}: #{e.message}"
        end
      end

      def defined?(name) = Puppet::Functions::TABLE.key?(name) || Puppet::Parser::Functions::TABLE.key?(name) || FAILED.key?(name)

      def functions
        newer = Puppet::Functions::TABLE.map { |name, f| { "name" => name, "dispatches" => f.dispatches.map(&:to_h) } }
        older = Puppet::Parser::Functions::TABLE.except(*Puppet::Functions::TABLE.keys)
        newer + older.map { |name, f| { "name" => name, "older" => true }.merge(f) } + FAILED.map { |name, why| { "name" => name, "error" => why } }
      end

      def call(scope, name, args, dispatch = nil, &block)
        function = Puppet::Functions::TABLE[name]
        return older(scope, name, args) unless function

        function.new(scope, dispatch).call(scope, *args, &block)
      rescue ArgumentError => e
        Kernel.raise e unless e.message.start_with?("expects another")

        Kernel.raise ArgumentError, "'#{name}' #{e.message}"
      end

      def ask_host(name, args, &block)
        blocks.push(block)
        Values.decode(Chargehand.call("call_function", name, Values.encode(args), block ? blocks.size - 1 : nil))
      ensure
        blocks.pop
      end

      # Blocks that functions of the host may call while they run.
      def blocks = @blocks ||= []

      # A Ruby block that is the host's lambda with this number.
      def lambda_of(number)
        number && proc { |*args| Values.decode(Chargehand.call("call_lambda", number, Values.encode(args))) }
      end

      private

      def older(scope, name, args)
        Kernel.raise Puppet::Error, FAILED[name] if FAILED.key?(name)
        Kernel.raise Puppet::Error, "Unknown function: '#{name}'" unless Puppet::Parser::Functions::TABLE.key?(name)

        scope.__send__(:"function_#{name}", args.map { |a| a.nil? ? "" : a })
      end
    end
  end
end

# What modules require of each other and of Puppet is there already.
module Kernel
  alias chargehand_require require

  def require_relative(name)
    require(File.expand_path(name, File.dirname(caller_locations(1, 1).first.path)))
  end

  def require(name)
    key = name.to_s.delete_suffix(".rb")
    key = key.split("/lib/").last if key.start_with?("/") # require_relative gives a whole path
    return false if key == "puppet" || key.match?(%r{\Apuppet/(util|parser|functions|error|pops|type|file_system)(/|\z)}) && !Chargehand::Modules::LIBRARY.key?(key)
    return chargehand_require(name) unless Chargehand::Modules::LIBRARY.key?(key)

    text = Chargehand::Modules::LIBRARY[key]
    return false if text == :loaded

    Chargehand::Modules::LIBRARY[key] = :loaded
    TOPLEVEL_BINDING.eval(text, "#{key}.rb", 1)
    true
  end
end

# What a template is evaluated in: local variables are @variables.
class Chargehand::TemplateScope
  attr_reader :scope

  def initialize(scope, vars)
    @scope = scope
    vars.each { |name, value| instance_variable_set(:"@#{name}", value) if name.match?(/\A[a-z_]\w*\z/) }
  end

  def has_variable?(name) = scope.include?(name)
  def run(...) = instance_eval(...) # no locals that a template could see
  def inspect = "#<a template's scope>"
end

Chargehand.handle("functions") { Chargehand::Modules.functions }

Chargehand.handle("call") do |name, args, dispatch, lambda|
  scope = ($scope ||= Puppet::Parser::Scope.new)
  block = Chargehand::Modules.lambda_of(lambda)
  Chargehand::Values.encode(Chargehand::Modules.call(scope, name, Chargehand::Values.decode(args), dispatch, &block))
end

Chargehand.handle("block") do |number, args|
  Chargehand::Values.encode(Chargehand::Modules.blocks.fetch(number).call(*Chargehand::Values.decode(args)))
end

Chargehand.handle("template") do |code, name, vars|
  scope = ($scope ||= Puppet::Parser::Scope.new)
  Chargehand::TemplateScope.new(scope, Chargehand::Values.decode(vars)).run(code, name, 1)
end
