# frozen_string_literal: true

# Stands for the part of Puppet's Ruby API that modules' code uses.
module Puppet
  class Error < RuntimeError; end
  class ParseError < Error; end
  class ParseErrorWithIssue < ParseError; end
  class DevError < Error; end
  class ResourceError < Error; end

  SETTINGS = { strict: :warning, environment: "production" }.freeze

  class << self
    def settings = SETTINGS
    def [](name) = SETTINGS[name.to_sym]
    def version = "8.10.0"
    def features = Features
    def lookup(*) = nil

    %i[debug info notice warning err alert emerg crit].each do |level|
      define_method(level) { |message = nil, &block| Chargehand.call("log", level.to_s, (message || block&.call).to_s) && nil }
    end

    def warn_once(_kind, key, message, *_place) = once(key) { warning(message) }
    def deprecation_warning(message, key = message) = once(key) { warning(message) }
    def log_exception(error, message = nil, *) = err(message.is_a?(String) ? message : error.message)

    private

    def once(key)
      @once ||= {}
      yield unless @once.key?(key)
      @once[key] = true
      nil
    end
  end

  module Features
    def self.method_missing(name, *) = name.end_with?("?") ? false : super
    def self.respond_to_missing?(name, *) = name.end_with?("?")
  end

  module Util
    module_function

    def windows? = false
    def absolute_path?(path, _platform = nil) = path.start_with?("/")

    module Errors
      def fail(*args) = Kernel.raise(*(args.first.is_a?(Class) ? args : [Puppet::Error, args.join(" ")]))
    end

    module Platform
      def self.windows? = false
    end

    module Package
      # -1, 0 or 1: numbers compare as numbers, the rest as text, a dash before a dot.
      def self.versioncmp(a, b)
        parts = [a, b].map { |v| v.to_s.scan(/[-.]|\d+|[^-.\d]+/) }
        parts[0].zip(parts[1]).each do |x, y|
          return 1 if y.nil?
          next if x == y
          return -1 if x == "-"
          return 1 if y == "-"
          return -1 if x == "."
          return 1 if y == "."
          return x.to_i <=> y.to_i if x.match?(/\A\d+\z/) && y.match?(/\A\d+\z/) && !(x.start_with?("0") || y.start_with?("0"))

          return x.upcase <=> y.upcase
        end
        parts[0].size <=> parts[1].size
      end

      def versioncmp(a, b) = Package.versioncmp(a, b)
    end
  end

  # Functions of the newer API: a class each, with dispatches.
  module Functions
    TABLE = {} # rubocop:disable Style/MutableConstant

    class Dispatch
      attr_reader :method, :params, :block, :returns

      def initialize(method)
        @method = method
        @params = []
        @block = "none"
      end

      def param(type, name) = add(type, name, "required")
      alias required_param param
      def optional_param(type, name) = add(type, name, "optional")
      def repeated_param(type, name) = add(type, name, "repeated")
      alias optional_repeated_param repeated_param
      def required_repeated_param(type, name) = add(type, name, "required_repeated")
      def block_param(*) = @block = "required"
      alias required_block_param block_param
      def optional_block_param(*) = @block = "optional"
      def return_type(type) = @returns = type
      def scope_param(*) = @injected = (@injected || []) << :scope
      def cache_param(*) = @injected = (@injected || []) << :cache
      def injected = @injected || []

      def takes?(count)
        least = params.count { |_, _, kind| kind.start_with?("required") }
        count >= least && (params.any? { |_, _, kind| kind.end_with?("repeated") } || count <= params.size)
      end

      def to_h
        { "params" => params.map { |type, name, kind| { "type" => type, "name" => name, "kind" => kind } },
          "block" => block, "returns" => returns }.compact
      end

      private

      def add(type, name, kind) = @params << [type.to_s, name.to_s, kind]
    end

    class Function
      class << self
        def dispatches = @dispatches ||= []

        # With a name it declares a dispatch, with a function it calls it.
        def dispatch(name, *call, &block)
          return dispatch_to(name, call[0], call[1], call[2], &block) if name.is_a?(Function)

          dispatches << Dispatch.new(name).tap { |d| d.instance_eval(&block) }
        end

        def dispatcher = self
        def argument_mismatch(*) = nil

        def dispatch_to(function, scope, args, chosen, &block)
          way = chosen ? dispatches.fetch(chosen) : dispatches.find { |d| d.takes?(args.size) }
          Kernel.raise ArgumentError, "expects another number of arguments, got #{args.size}" unless way

          given = way.injected.map { |kind| kind == :scope ? scope : {} } + args
          function.__send__(way.method, *given, &block)
        end

        def local_types(&) = nil
      end

      attr_reader :closure_scope

      # The number of a dispatch that the host chose, or nil to choose by the arguments.
      def initialize(scope, chosen = nil)
        @closure_scope = scope
        @chosen = chosen
      end

      # Some functions have their own, to hand the scope on as an argument.
      def call(scope, *args, &block) = self.class.dispatcher.dispatch(self, scope, args, @chosen, &block)

      def call_function(name, *args, &block) = closure_scope.call_function(name.to_s, args, &block)
    end

    InternalFunction = Function
    PuppetFunction = Function

    def self.create_function(name, _base = Function, &block)
      simple = name.to_s.split("::").last
      TABLE[name.to_s] = Class.new(Function, &block).tap do |function|
        next unless function.dispatches.empty?

        function.dispatch(simple) do
          function.instance_method(simple).parameters.each do |kind, param|
            case kind
            when :req then param("Any", param || :arg)
            when :opt then optional_param("Any", param || :arg)
            when :rest then repeated_param("Any", param || :args)
            end
          end
        end
      end
    end

    def self.create_loaded_function(name, _loader, base = Function, &block) = create_function(name, base, &block)
  end

  module Parser
    # The scope that 3.x functions and templates run in.
    class Scope
      def lookupvar(name, _options = {})
        found = Chargehand.call("lookupvar", name.to_s.delete_prefix("::"))
        throw(:undefined_variable) if !found["found"] && @strict
        Chargehand::Values.decode(found["value"])
      end

      def [](name, _options = {}) = lookupvar(name)
      def include?(name) = Chargehand.call("lookupvar", name.to_s.delete_prefix("::"))["found"]
      alias bound? include?
      alias exist? include?

      def call_function(name, args, &block)
        name = name.to_s
        return Chargehand::Modules.call(self, name, args, &block) if Chargehand::Modules.defined?(name)

        Chargehand::Modules.ask_host(name, args, &block)
      end

      def compiler = self
      def environment = self
      def to_s = "Scope"
      def is_a?(type) = super || type.to_s.end_with?("Scope")
      def known_resource_types = self
      def lookup_qualified_variable(type, name) = lookupvar("#{type}::#{name}")

      def method_missing(name, *args)
        function = name.to_s.delete_prefix("function_")
        return super if function == name.to_s

        call_function(function, args.first || [])
      end

      def respond_to_missing?(name, *) = name.start_with?("function_")
    end

    # Functions of the older API: methods of the scope.
    module Functions
      TABLE = {} # rubocop:disable Style/MutableConstant

      def self.newfunction(name, options = {}, &block)
        real = :"real_function_#{name}"
        Scope.define_method(real, &block)
        arity = options[:arity] || -1
        TABLE[name.to_s] = { "rvalue" => options[:type] == :rvalue, "arity" => arity }
        Scope.define_method(:"function_#{name}") do |args|
          if arity >= 0 ? args.size != arity : args.size < -arity - 1
            Kernel.raise ParseError, "#{name}(): Wrong number of arguments given (#{args.size} for #{arity.abs})"
          end
          __send__(real, args)
        end
      end

      def self.function(name) = Chargehand::Modules.defined?(name.to_s) && "function_#{name}"
      def self.autoloader = self
      def self.loadall = nil
      def self.environment_module(*) = self
    end
  end

  module Pops
    module PuppetStack; end

    module Types
      class TypeFactory; end
    end
  end
end

Puppet::Parser::Scope.include(Puppet::Util::Errors)
Sensitive = Puppet::Pops::Types::PSensitiveType::Sensitive
