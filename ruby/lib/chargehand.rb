# frozen_string_literal: true

# What the engine puts into every VM before it is copied: frames between host
# and guest, handlers that the host calls, calls to the host, and templates.
require "base64"
require "date"
require "digest/md5"
require "digest/sha1"
require "digest/sha2"
require "erb"
require "ipaddr"
require "json"
require "securerandom"
require "set"
require "shellwords"
require "stringio"
require "strscan"
require "time"
require "uri"
require "yaml"

module Chargehand
  # An error of the host, on its way through Ruby code back to the host.
  class HostError < StandardError
    attr_reader :ticket

    def initialize(message, ticket)
      super(message)
      @ticket = ticket
    end
  end

  # Frames are a length of four bytes, the highest first, and so much JSON.
  module Wire
    INPUT = IO.for_fd(0, "rb", autoclose: false)
    OUTPUT = IO.for_fd(1, "wb", autoclose: false)
    private_constant :INPUT, :OUTPUT

    class << self
      def receive
        JSON.parse(bytes(bytes(4).unpack1("N")).force_encoding(Encoding::UTF_8), max_nesting: 200)
      end

      def send(frame)
        data = JSON.generate(frame, max_nesting: 200)
        data = [data.bytesize].pack("N") << data.b
        data = data.byteslice(OUTPUT.syswrite(data)..) until data.empty?
      end

      private

      def bytes(count)
        data = +"".b
        data << INPUT.sysread(count - data.bytesize) while data.bytesize < count
        data
      end
    end
  end

  HANDLERS = {}
  private_constant :HANDLERS

  class << self
    # Names a block that the host may call.
    def handle(name, &body)
      HANDLERS[name] = body
    end

    # Asks the host, and serves what the host asks meanwhile.
    def call(name, *args)
      Wire.send({ "call" => name, "args" => args })
      loop do
        frame = Wire.receive
        return frame["value"] if frame.key?("value")
        raise HostError.new(frame["error"]["message"], frame["error"]["ticket"]) if frame.key?("error")

        serve(frame)
      end
    end

    # Answers one call of the host; every way out of the handler is an answer.
    def serve(frame = Wire.receive)
      answered = false
      value = HANDLERS.fetch(frame["call"]).call(*frame["args"])
      answer = { "value" => value }
      answered = true
    rescue Exception => e # rubocop:disable Lint/RescueException
      answer = { "error" => describe(e) }
      answered = true
    ensure
      answer = { "error" => { "class" => "UncaughtThrow", "message" => "the code left by throw, break or return" } } unless answered
      answer_with(answer)
    end

    # Evaluates source at the top level, under the name of its file.
    def load(source, file)
      TOPLEVEL_BINDING.eval(source, file, 1)
      nil
    end

    # Does what the first use of a library would do in every copy.
    def exercise
      Digest::SHA256.hexdigest(Digest::MD5.hexdigest(""))
      YAML.load(YAML.dump({ "a" => [1, "b", nil] }))
      JSON.parse(JSON.pretty_generate([{}]))
      URI("http://localhost:80/a?b=c").to_s + URI.encode_www_form({ "a" => "b" })
      SecureRandom.hex(1) + Shellwords.escape("a b") + Base64.strict_encode64("a")
      Time.parse("2001-02-03T04:05:06Z").strftime("%F %T") + format("%.1f", 1)
      ERB.new("<%= 1 -%>\n", trim_mode: "-").result
      IPAddr.new("192.0.2.0/24").to_range.first
    end

    # Leaves nothing to collect, so that copies share as many pages as they can.
    def rest
      slack = Array.new(8) { "\0" * 2_000_000 }
      slack.clear
      Process.warmup
      nil
    end

    private

    def answer_with(answer)
      Wire.send(answer)
    rescue JSON::JSONError, EncodingError => e
      Wire.send({ "error" => { "class" => e.class.name, "message" => "the result cannot be told: #{clean(e.message)}" } })
    end

    def describe(error)
      cause = error
      cause = cause.cause until cause.nil? || cause.is_a?(HostError)
      {
        "class" => error.class.name.to_s,
        "message" => clean(error.respond_to?(:detailed_message) && error.is_a?(SyntaxError) ? error.message : error.message),
        "backtrace" => (error.backtrace || []).first(50).map { |line| clean(line) },
        "ticket" => cause&.ticket
      }
    end

    def clean(text)
      text.to_s.dup.force_encoding(Encoding::UTF_8).scrub.slice(0, 4000)
    end
  end

  exercise

  handle("load") { |source, file| load(source, file) }
end

# There are no processes here; the build would pretend that they ended well.
module Kernel
  %i[` exec fork spawn syscall system].each do |name|
    define_method(name) { |*, **| raise NotImplementedError, "#{name}: there are no processes here" }
    module_function name
  end
end

%i[daemon exec fork kill spawn].each do |name|
  Process.define_singleton_method(name) { |*, **| raise NotImplementedError, "#{name}: there are no processes here" }
end

# What code prints is nobody's; the real streams carry frames.
$stdout = $stderr = StringIO.new
$stdin = StringIO.new("")
STDIN.autoclose = STDOUT.autoclose = STDERR.autoclose = false
%i[STDIN STDOUT STDERR].each { |name| Object.send(:remove_const, name) }
STDIN = $stdin
STDOUT = STDERR = $stdout
