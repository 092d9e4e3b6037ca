# frozen_string_literal: true

# The scope is what a template is evaluated in: its variables and helpers.
module Provision
  class << self
    attr_accessor :scope
  end

  class Scope
    DEPTH = 20

    def initialize(frame)
      @__site = frame["site"]
      @__inputs = frame["inputs"] || {}
      @__layout = frame["layout"]
      @__depth = 0
      @host = frame["host"] && Host.new(frame["host"])
      @medium_provider = MediumProvider.new(frame["medium"]["uri"], frame["medium"]["id"]) if frame["medium"]
      frame["vars"].each { |name, value| instance_variable_set(:"@#{name}", value) }
    end

    # Runs a translated template in this scope, under the name that errors cite.
    def run(program)
      name = program["name"]
      Kernel.raise "templates include each other more than #{DEPTH} deep, at #{name}" if @__depth >= DEPTH

      @__depth += 1
      program["code"] ? evaluate(program["code"], name, 1) : __send__(:"program_#{program['id']}")
    ensure
      @__depth -= 1
    end

    def disk_layout
      @__layout ? run(@__layout) : Kernel.raise(NotAllowed, "neither a disk layout nor a partition table is set for #{@host}")
    end

    def boot_uri(file)
      { "kernel" => @kernel_uri, "initrd" => @initrd_uri }[file]
    end

    def snippet(name, _options = {}, variables: {})
      found = Chargehand.call("snippet", name.to_s)
      Kernel.raise NotAllowed, "there is no snippet #{name.inspect}" unless found

      with_variables(variables) { run(found) }
    end

    def snippets(name, options = {}, variables: {}) = snippet(name, options, variables: variables)

    def snippet_if_exists(name, options = {}, variables: {})
      Chargehand.call("snippet", name.to_s) ? snippet(name, options, variables: variables) : ""
    end

    def method_missing(name, *)
      Kernel.raise NotAllowed.new("#{name} is neither a variable nor a helper of templates", name)
    end

    def respond_to_missing?(*) = false

    def inspect = "#<a template's scope>"

    private

    def evaluate(...) = instance_eval(...) # no locals that a template could see

    def with_variables(variables)
      before = variables.to_h { |name, _| [name, instance_variable_get(:"@#{name}")] }
      variables.each { |name, value| instance_variable_set(:"@#{name}", value) }
      yield
    ensure
      before&.each { |name, value| instance_variable_set(:"@#{name}", value) }
    end
  end
end

# Makes methods of the programs that the host will name by id alone.
def Provision.define(programs)
  programs.each do |program|
    Provision::Scope.class_eval("def program_#{program['id']}; #{program['code']}\nend", program["name"], 1)
  end
end

# Parses a program and runs nothing of it.
Chargehand.handle("check") do |program|
  RubyVM::InstructionSequence.compile("def program; #{program['code']}\nend", program["name"], program["name"], 1)
  nil
end

Chargehand.handle("render") do |frame|
  Provision.scope = Provision::Scope.new(frame)
  Provision.scope.run(frame)
end
