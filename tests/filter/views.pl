#!/usr/bin/perl
# tests/filter/views.pl FILE...: each message as SpamAssassin sees it, in the form that scan_dump prints ours in.
use strict;
use warnings;
use Mail::SpamAssassin;
use Mail::SpamAssassin::PerMsgStatus;

binmode(STDOUT, ':raw');
my $sa = Mail::SpamAssassin->new({ local_tests_only => 1, dont_copy_prefs => 1, site_rules_filename => '/nonexistent',
	userprefs_filename => '/nonexistent', rules_filename => '/usr/share/spamassassin' });
$sa->init(1);

sub line {
	my ($name, $text) = @_;
	$text = '' unless defined $text;
	utf8::encode($text) if utf8::is_utf8($text);
	$text =~ s/([\\\x00-\x1f\x7f])/sprintf('\\x%02x', ord $1)/ge;
	print "$name $text\n";
}

for my $file (@ARGV) {
	open(my $in, '<', $file) or die "$file: $!";
	my $text = do { local $/; <$in> };
	close $in;
	my $mail = $sa->parse($text, 1);
	my $status = Mail::SpamAssassin::PerMsgStatus->new($sa, $mail);
	$status->extract_message_metadata();
	print "FILE $file\n";
	line('body', $_) for @{ $status->get_decoded_stripped_body_text_array() };
	line('hidden', $_) for @{ $mail->get_invisible_rendered_body_text_array() };
	line('raw', $_) for @{ $status->get_decoded_body_text_array() };
	for my $spec ('ALL', 'From:addr', 'From:name', 'To:addr', 'Reply-To:addr', 'ToCc', 'MESSAGEID', 'EnvelopeFrom', 'Subject', 'Subject:raw',
		'Received', 'X-Spam-Relays-Untrusted', 'X-Spam-Relays-Trusted', 'X-Spam-Relays-External', 'Content-Type', 'ALL-TRUSTED', 'From:raw') {
		line("get $spec", scalar $status->get($spec));
	}
	my $uris = $status->get_uri_detail_list();
	for my $uri (sort keys %$uris) {
		line('uri', $uri);
		line('  clean', $_) for sort @{ $uris->{$uri}->{cleaned} || [] };
		line('  host', $_) for sort keys %{ $uris->{$uri}->{hosts} || {} };
		line('  domain', $_) for sort keys %{ $uris->{$uri}->{domains} || {} };
		line('  anchor', $_) for @{ $uris->{$uri}->{anchor_text} || [] };
	}
	for my $html (@{ $mail->{metadata}->{html_all} || [] }) {
		line("html $_", $html->{$_} || 0) for qw(length non_space_len);
		line('html image_area', sprintf('%.4f', $html->{image_area} || 0));
		line("html $_", $html->{$_}) for qw(min_size max_size);
		line("html $_", sprintf('%.4f', $html->{$_} || 0)) for qw(bad_tag_ratio non_element_ratio closed_extra_ratio obfuscation_ratio);
		line("html $_", $html->{$_} ? 1 : 0) for qw(font_low_contrast font_invalid_color font_face_bad form_action_mailto embeds);
		line('html inside', join(' ', map { "$_=$html->{inside}{$_}" } sort keys %{ $html->{inside} || {} }));
		line('html title', $_) for @{ $html->{title} || [] };
	}
	$status->finish();
	$mail->finish();
}
