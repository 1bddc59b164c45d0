#!/usr/bin/perl
# Prints what Mail::SpamAssassin makes of each message whose path stands on standard input: its views, one a line, as
# text, so that posta's can be compared with them. scan_dump.c prints the same.
use strict;
use warnings;
use Mail::SpamAssassin;
use Mail::SpamAssassin::PerMsgStatus;

my $sa = Mail::SpamAssassin->new({
  local_tests_only => 1, dont_copy_prefs => 1, userprefs_filename => '/dev/null', site_rules_filename => '/dev/null'});
$sa->init(0);

my @HEADERS = qw(Subject Subject:raw From From:addr From:name From:raw To To:addr ToCc Reply-To:addr Reply-To:name MESSAGEID
  EnvelopeFrom ALL ALL:raw ALL-EXTERNAL ALL-TRUSTED Received Content-Type Content-Type:raw Date List-Id
  X-Spam-Relays-Trusted X-Spam-Relays-Untrusted X-Spam-Relays-External X-Spam-Relays-Internal
  From:addr:domain From:addr:host Received:first:ip Message-Id:host);
my @FACTS = qw(image_area length non_space_len min_size max_size closed_extra_ratio bad_tag_ratio non_element_ratio
  obfuscation_ratio embeds font_face_bad font_invalid_color font_low_contrast form_action_mailto charsets);

sub show {
  my ($name, $text) = @_;
  utf8::encode($text) if utf8::is_utf8($text);
  $text =~ s/([\x00-\x1f\x7f-\xff\\])/sprintf("\\%02x", ord($1))/ge;
  print "$name $text\n";
}

sub html {
  my ($h) = @_;
  for my $f (@FACTS) {
    my $v = $h->{$f};
    next if !defined $v;
    $v = sprintf("%.6g", $v) if $f ne 'charsets';
    next if $f =~ /^(?:embeds|f)/ && !$v;
    show("html-$f", $v);
  }
  show("html-inside", join(" ", map {"$_=$h->{inside}{$_}"} sort keys %{$h->{inside} || {}}));
  show("html-anchor", $_) for @{$h->{anchor} || []};
  show("html-comment", $_) for @{$h->{comment} || []};
  show("html-title", $_) for @{$h->{title} || []};
}

while (my $path = <STDIN>) {
  chomp $path;
  open(my $fh, '<:raw', $path) or die "$path: $!";
  my $text = do {local $/; <$fh>};
  close $fh;
  print "== $path\n";
  my $mail = $sa->parse(\$text, 1);
  my $pms = Mail::SpamAssassin::PerMsgStatus->new($sa, $mail);
  $pms->extract_message_metadata();
  for my $h (@HEADERS) {
    my @v = $pms->get($h);
    next if !@v;
    show("header-$h", join($v[0] =~ /\n\z/ ? "" : "\n", @v));
  }
  show("body", $_) for @{$mail->get_rendered_body_text_array()};
  show("visible", $_) for @{$mail->get_visible_rendered_body_text_array()};
  show("invisible", $_) for @{$mail->get_invisible_rendered_body_text_array()};
  show("rawbody", $_) for @{$mail->get_decoded_body_text_array()};
  show("type", $_->{type}) for $mail->find_parts(qr/./);
  my $uris = $pms->get_uri_detail_list();
  for my $u (sort keys %$uris) {
    my $d = $uris->{$u};
    show("uri", $u);
    show("uri-clean", $_) for sort @{$d->{cleaned} || []};
    show("uri-domain", $_) for sort keys %{$d->{domains} || {}};
    show("uri-host", $_) for sort keys %{$d->{hosts} || {}};
  }
  html($_) for @{$mail->{metadata}{html_all} || []};
  $pms->finish();
  $mail->finish();
}
