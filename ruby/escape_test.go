package ruby

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// Code that tries to leave the guest. Each attempt must fail or find nothing;
// "safe" is what an attempt returns that came to nothing.
var escapes = []string{
	// files
	`File.read("/etc/passwd")`,
	`File.open("/etc/passwd").read`,
	`IO.read("/etc/hostname")`,
	`IO.readlines("../../etc/passwd")`,
	`File.read("/proc/self/environ")`,
	`File.read("/lib/../../etc/passwd")`,
	`File.read("/lib/../etc/passwd")`,
	`Dir.chdir("/lib"); File.read("../etc/passwd")`,
	`Dir.children("/etc")`,
	`Dir.children("/root")`,
	`Dir.glob("/{etc,home,proc,root,tmp,var}/*").empty? ? "safe" : "seen"`,
	`File.write("/tmp/escaped", "x")`,
	`File.write("/lib/site/chargehand.rb", "x")`,
	`File.write("/escaped", "x")`,
	`File.open("/lib/site/socket.rb", "a") { |f| f.write("x") }`,
	`File.delete("/lib/site/socket.rb")`,
	`File.rename("/lib/site/socket.rb", "/lib/site/gone.rb")`,
	`File.symlink("/etc/passwd", "/lib/link"); File.read("/lib/link")`,
	`File.link("/lib/site/socket.rb", "/lib/link")`,
	`File.chmod(0777, "/lib/site/socket.rb")`,
	`Dir.mkdir("/lib/new")`,
	`Dir.rmdir("/lib/site")`,
	`File.truncate("/lib/site/socket.rb", 0)`,
	`File.mkfifo("/lib/fifo")`,
	`open("/etc/passwd").read`,
	`require "/etc/passwd"`,
	`load "/etc/passwd"`,
	`$LOAD_PATH << "/root"; require "secret"`,
	`File.new("/dev/mem").read(1)`,
	`File.readlink("/proc/self/exe")`,
	`(3..99).each { |fd| begin; io = IO.for_fd(fd, autoclose: false); io.read(1) && raise("read"); rescue SystemCallError, IOError; end }; "safe"`,
	`require "tempfile"; Tempfile.create("x") { |f| f.write("x"); f.path }`,
	`require "fileutils"; FileUtils.cp("/etc/passwd", "/lib/x")`,
	`require "pathname"; Pathname("/etc/passwd").read`,
	`YAML.load_file("/etc/passwd")`,
	`ERB.new("<%= File.read('/etc/passwd') %>").result`,
	"DATA.read",
	`ARGF.read(1).nil? ? "safe" : "seen"`,
	`$<.read.empty? ? "safe" : "seen"`,
	`gets.nil? ? "safe" : "seen"`,
	// processes
	"`id`",
	`%x(id)`,
	`system("id")`,
	`exec("id")`,
	`spawn("id")`,
	`fork`,
	`Process.fork`,
	`Process.spawn("id")`,
	`Process.daemon`,
	`Process.kill(9, 1)`,
	`Process.kill(:TERM, Process.pid)`,
	`Process.wait`,
	`Process.setuid(0)`,
	`Process.setproctitle("x"); "safe"`,
	`IO.popen("id").read`,
	`open("|id").read`,
	`IO.read("|id")`,
	`require "open3"; Open3.capture2("id")`,
	`PTY.spawn("id")`,
	`syscall(39)`,
	`Kernel.exit!`,
	`exit!`,
	`exit`,
	`abort`,
	`abort("bye")`,
	`at_exit { Chargehand.call("late") }; "safe"`,
	`Process.exit!(0)`,
	`trap("TERM") {}; "safe"`,
	// network
	`require "socket"; TCPSocket.new("127.0.0.1", 22)`,
	`require "socket"; UNIXSocket.new("/run/x")`,
	`require "net/http"; Net::HTTP.get(URI("http://127.0.0.1/"))`,
	`require "open-uri"; URI.open("http://127.0.0.1/").read`,
	`require "resolv"; Resolv.getaddress("localhost")`,
	`IPSocket.getaddress("localhost")`,
	`require "drb"; DRb.start_service("druby://127.0.0.1:0")`,
	`require "openssl"; OpenSSL::SSL::SSLSocket.open("127.0.0.1", 443)`,
	// environment
	`ENV.to_h.empty? ? "safe" : "seen"`,
	`ENV["HOME"].nil? && ENV["PATH"].nil? ? "safe" : "seen"`,
	`ENV["LD_PRELOAD"] = "x"; "safe"`,
	`$0 == "ruby" || $0 == "-e" ? "safe" : "seen"`,
	`ARGV.empty? ? "safe" : "seen"`,
	`Dir.home`,
	`Dir.pwd == "/" ? "safe" : "seen"`,
	`require "etc"; Etc.getpwuid.name`,
	`require "etc"; Etc.getlogin.nil? ? "safe" : "seen"`,
	`require "etc"; Etc.passwd { |u| raise u.name }; "safe"`,
	// native code
	`require "fiddle"; Fiddle.dlopen(nil)`,
	`require "ffi"`,
	`require "js"; JS.eval("return 1")`,
	`require "js"; JS.global`,
	`require "mkmf"`,
	`RubyVM::InstructionSequence.load_from_binary("x" * 4096)`,
	`Marshal.load("\x04\bo:\x10NoSuchThing\x00")`,
	`YAML.unsafe_load("--- !ruby/object:NoSuchThing {}\n").class == Object ? "safe" : "made"`,
	// the wire, and what the VM runs on
	`Chargehand::Wire::INPUT`,
	`Chargehand::HANDLERS`,
	`IO.for_fd(1, "wb", autoclose: false).syswrite("\xff\xff\xff\xff"); "lied"`,
	`IO.for_fd(1, "wb", autoclose: false).syswrite("\x00\x00\x00\x02hi"); "lied"`,
	`IO.for_fd(1, "wb", autoclose: false).syswrite([2**24 + 1].pack("N") + "x" * 100); "lied"`,
	`IO.for_fd(1, "wb", autoclose: false).close; "safe"`,
	`IO.for_fd(0, "rb", autoclose: false).close; IO.for_fd(1).close; Chargehand.call("x")`,
	`Chargehand::Wire.send({ "value" => 1, "call" => "x" }); 1`,
	`Chargehand.send(:remove_const, :Wire); 1`,
	`def Chargehand.serve(*) = nil; Chargehand.call("x")`,
	`Chargehand.call("x" * 20_000_000)`,
	`"x" * 20_000_000`,
	`a = []; a << a; a`,
	`h = 1; 500.times { h = [h] }; h`,
	`Float::NAN`,
	`throw :done`,
	`raise Exception, "x"`,
	`raise SystemExit`,
	`raise Interrupt`,
	`raise NoMemoryError`,
	`class Evil < StandardError; def message = exit!; end; raise Evil`,
	`class Evil2 < StandardError; def backtrace = loop {}; end; raise Evil2 rescue "safe"`,
	`class String; def to_s = raise("x"); end; "safe"`,
	`module JSON; def self.generate(*) = "lie"; end; 1`,
	`class Hash; def fetch(*) = exit!; end; {}.fetch(1)`,
	`BasicObject.new`,
	`Object.new.instance_eval { binding.local_variables; "safe" }`,
	// threads and objects
	`Thread.new { loop {} }; "safe"`,
	`Thread.new { 1 }.value`,
	`Thread.main.kill`,
	`Thread.current.kill`,
	`Thread.exit`,
	`Thread.main.raise("x"); "safe"`,
	`Fiber.new { Fiber.yield 1 }.resume == 1 ? "safe" : 0`,
	`f = Fiber.new { Fiber.yield }; 10_000.times { Fiber.new { Fiber.yield }.resume }; "safe"`,
	`Ractor.new { 1 }.take`,
	`ObjectSpace.each_object(IO) { |io| io.close rescue nil }; "safe"`,
	`ObjectSpace.each_object(Module).find { |m| m.name == "Chargehand::Wire" }.send(:const_get, :OUTPUT).close; 1`,
	`ObjectSpace._id2ref(8); "safe"`,
	`ObjectSpace.garbage_collect; "safe"`,
	`ObjectSpace.each_object(String).any? { |s| s.include?("PLANTED-" + "CANARY") } ? "seen" : "safe"`,
	`GC.disable; GC.stress = true; "safe"`,
	`TracePoint.new(:call) { exit! }.enable; Chargehand.call("x")`,
	`set_trace_func proc { |*| raise "x" }; 1`,
	`Signal.trap("EXIT") { loop {} }; "safe"`,
	`ObjectSpace.define_finalizer("x".dup, proc { loop {} }); "safe"`,
}

// Code that would use up time, memory or stack.
var bombs = []string{
	`loop {}`,
	`while true; end`,
	`1 while true`,
	`loop { begin; loop {}; rescue Exception; retry; end }`,
	`begin; loop {}; ensure; loop {}; end`,
	`def f = f; begin; f; rescue SystemStackError; retry; end`,
	`"a" * (1 << 40)`,
	`a = []; loop { a << "x" * 1_000_000 }`,
	`s = "x"; loop { s += s }`,
	`a = [0]; loop { a = a + a }`,
	`h = {}; i = 0; loop { h[i += 1] = "x" * 1000 }`,
	`loop { Object.new.then { |o| ($x ||= []) << o } }`,
	`(1..Float::INFINITY).to_a`,
	`2**(2**40)`,
	`(2**5_000_000).to_s.size; loop {}`,
	`("a" * 40 + "!") =~ /\A(a|a|b?)*\1\z/; loop {}`,
	`sleep`,
	`sleep 3600`,
	`Thread.stop`,
	`Queue.new.pop`,
	`IO.select(nil)`,
	`IO.for_fd(0, "rb", autoclose: false).read`,
	`loop { Chargehand.call("x") rescue nil }`,
	`def deep(a) = deep([a]); deep(0)`,
	`eval("[" * 200_000)`,
	`eval("(" * 100_000 + "1" + ")" * 100_000)`,
	`JSON.parse("[" * 1_000_000, max_nesting: false)`,
	`Regexp.new("(" * 100_000)`,
	`Array.new(1 << 30) { 0 }`,
	`"%1000000000d" % 1`,
	`"x".ljust(1 << 31)`,
	`[1].cycle.to_a`,
	`Marshal.load(Marshal.dump("x" * 50_000_000)) * 100`,
}

func TestEscapes(t *testing.T) {
	e := newEngine(t, Options{Timeout: 2 * time.Second, MemoryLimit: 128 << 20})
	t.Setenv("HOME", "/root/secret-home")
	im := eval(e)
	spy := hostFunc(func(_ context.Context, _ Guest, name string, _ []json.RawMessage) (any, error) {
		return nil, errs.New(errs.NotFound, "no %s here", strings.ToValidUTF8(name[:min(len(name), 20)], ""))
	})
	if _, err := im.Call(t.Context(), nil, "eval", `$planted = "PLANTED-" + "CANARY"; 1`); err != nil {
		t.Fatal(err)
	}
	for _, code := range escapes {
		got, err := im.Call(t.Context(), spy, "eval", code)
		if err == nil && string(got) != `"safe"` {
			t.Errorf("%s: returned %.80s", code, got)
		}
		if err != nil && errs.Is(err, errs.Unavailable) {
			t.Errorf("%s: %v", code, err)
		}
	}
	for _, path := range []string{"/tmp/escaped", "/escaped", filepath.Join(os.TempDir(), "escaped")} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s was written", path)
		}
	}
	if got, err := im.Call(t.Context(), nil, "eval", "1 + 1"); err != nil || string(got) != "2" {
		t.Errorf("after all of them: %s, %v", got, err)
	}
}

func TestBombs(t *testing.T) {
	im := eval(newEngine(t, Options{MemoryLimit: 128 << 20}))
	if err := im.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, code := range bombs {
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
		got, err := im.Call(ctx, nil, "eval", code)
		cancel()
		if err == nil {
			t.Errorf("%s: returned %.80s", code, got)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s: took %v", code, took)
		}
		t.Logf("%s %v %.120v", code, time.Since(begin).Round(time.Millisecond), err)
	}
	if got, err := im.Call(t.Context(), nil, "eval", "1 + 1"); err != nil || string(got) != "2" {
		t.Errorf("after all of them: %s, %v", got, err)
	}
}
