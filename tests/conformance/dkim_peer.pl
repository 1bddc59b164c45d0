# Called by test_dkim_peers.py: "sign ALGORITHM METHOD DOMAIN SELECTOR KEYFILE" prints the field; "verify NAME RECORD" prints the result.
use strict;
use warnings;
use Mail::DKIM::PrivateKey;
use Mail::DKIM::Signer;
use Mail::DKIM::Verifier;

my ($verb, @args) = @ARGV;
binmode STDIN;
my $message = do { local $/; <STDIN> };
my $d;
if ($verb eq 'sign') {
	my ($algorithm, $method, $domain, $selector, $file) = @args;
	$d = Mail::DKIM::Signer->new(Algorithm => $algorithm, Method => $method, Domain => $domain, Selector => $selector,
		Key => Mail::DKIM::PrivateKey->load(File => $file));
} else {
	my ($name, $record) = @args;
	no warnings 'redefine';
	no warnings 'once';
	*Mail::DKIM::DNS::query = sub {
		my ($asked, $type) = @_;
		return unless lc $asked eq lc $name;
		return bless { txt => $record }, 'Record';
	};
	$d = Mail::DKIM::Verifier->new();
}
$d->PRINT($message);
$d->CLOSE();
print $verb eq 'sign' ? $d->signature->as_string : $d->result_detail, "\n";

package Record;
sub type { return 'TXT' }
sub char_str_list { return ($_[0]{txt}) }
sub txtdata { return $_[0]{txt} }
