//! Pages as text, by tables of cases.

use disclosed::testing::mail::html::to_text;
use disclosed::testing::mail::read;

fn page(html: &str, text: &str) {
    assert_eq!(to_text(html).0, text, "{html}");
}

#[test]
fn reads_like_the_page() {
    page("<p>One</p><p>Two <b>three</b></p>", "One\n\nTwo three");
    page("a<br>b<br><br>c", "a\nb\n\nc");
    page("<div>a</div><div>b</div>", "a\nb");
    page("<ul><li>x<li>y</ul>", "* x\n* y");
    page("<pre>int x;\n  y();\n</pre>z", "int x;\n  y();\nz");
    page("a &amp; b &lt;c&gt; &#65;&nosuch; &", "a & b <c> A&nosuch; &");
    page("<script>x</script><style>y</style><!-- z -->w", "w");
    page("new<blockquote>old<br>older</blockquote>", "new\n> old\n> older");
    page("<a href=\"https://e.example/x\">here</a>", "here <https://e.example/x>");
    page("<a href=\"https://e.example/\">https://e.example</a>", "https://e.example");
    page("1 < 2 <img src=x alt='pic>ture'>", "1 < 2 pic>ture");
    page("<p title=\"never ended>x", "x");
    page("<table><tr><td>a</td><td>b</td></tr></table>", "a  b");
}

#[test]
fn hostile_pages_cost_their_length() {
    for unit in [
        "<div>",
        "<b id=1><p>",
        "<a href='",
        "<blockquote>x",
        "&",
        "</",
        "<!--",
        "<script>",
        "<",
        "<td>",
        "<a x='>'",
        "<ol><li>",
        "<p hidden>x",
        "<i hidden><b>",
        "<td style=display:none>x</tr>",
    ] {
        let page = unit.repeat(200_000 / unit.len());
        assert!(to_text(&page).0.len() <= page.len() * 11, "{unit}");
    }
}

#[test]
fn lists_links_and_cells_are_as_the_page_shows_them() {
    page(
        "<ol><li>Open</li><li>Click<ul><li>sub</li></ul></li><li>Look</li></ol>x",
        "1. Open\n2. Click\n   * sub\n3. Look\n\nx",
    );
    page("<ol start=3><li>a<li value='9'>b<li>c</ol>", "3. a\n9. b\n10. c");
    page("<ol><li>a<ol><li>b<li>c</ol><li>d</ol>", "1. a\n   1. b\n   2. c\n2. d");
    page("<ol type=a><li>x<li>y<ol type=I start=9><li>z</ol></ol>", "a. x\nb. y\n   IX. z");
    page("<ol type=i start=39><li>x<li>y</ol><ol type=A start=27><li>z</ol>", "xxxix. x\n40. y\n\n27. z");
    page(
        "<a href='https://e.example/a'>b<a href='https://e.example/c'>d",
        "b <https://e.example/a>d <https://e.example/c>",
    );
    page("<li>alone", "* alone");
    page("<ol><li><p>a</p><p>b</p></li><li><div>c</div></ol>", "1. a\n\nb\n\n2. c");
    page("<ol><li><ul><li>a</ul></ol>", "1.\n   * a");
    page("<a data-href='https://bad.example' href=https://e.example/x>here</a>", "here <https://e.example/x>");
    page("<a title='href=no' HREF = \"https://e.example/?a=1&amp;b=2\">here</a>", "here <https://e.example/?a=1&b=2>");
    page("<a xhref=x>here</a><img data-alt=no alt=yes>", "hereyes");
    page(
        "<table><tr><th>Param</th><th>Value</th></tr><tr><td>id</td><td>1&#39; OR 1=1</td></tr></table>",
        "Param  Value\nid  1' OR 1=1",
    );
}

#[test]
fn what_a_browser_hides_is_left_out_and_counted() {
    let check = |html: &str, text: &str, hidden: usize| assert_eq!(to_text(html), (text.to_owned(), hidden), "{html}");
    for how in [
        "hidden",
        "hidden=''",
        "style=\"display:none\"",
        "style='Display : NONE !important; color:red'",
        "style=visibility:hidden",
        "style='font-size:0px'",
        "style=\"opacity:0\"",
        "style='mso-hide:all;max-height:0'",
        "class=x data-x='>' style='color:#fff;display:none'",
        "style='visibility:collapse'",
        "style='overflow:hidden;max-height:0px'",
        "style='width:0;overflow:hidden'",
        "style='color:transparent'",
        "style='position:absolute;left:-9999px'",
        "style='text-indent:-9999px'",
        "style='display&#58;none'",
        "style='display:block;display:none'",
    ] {
        check(&format!("<div {how}>secret <b>x</b><br></div>seen"), "seen", 7);
        check(&format!("a <span {how}>secret</span> b"), "a b", 6);
        check(&format!("a<img {how} alt=no>b"), "ab", 0);
        check(&format!("<p {how}>secret<p>seen"), "seen", 6);
        check(&format!("<ul><li {how}>secret<li>seen</ul>rest"), "* seen\n\nrest", 6);
        // Never ended, or not before what it stands in: shown.
        check(&format!("<div {how}>all of it"), "all of it", 0);
        check(&format!("<table><tr><td {how}>one</tr></table>rest"), "one\n\nrest", 0);
        check(&format!("<section><div {how}>one</section><div>two</div>"), "one\ntwo", 0);
        // Nothing else is there.
        check(&format!("<div {how}>all of it</div>"), "all of it", 0);
    }
    for shown in [
        "<div data-hidden>x</div>",
        "<div title='hidden'>x</div>",
        "<div aria-hidden=true>x</div>",
        "<div style='font-size:0.8em'>x</div>",
        "<div style='opacity:0.5;display:block'>x</div>",
        "<div style='display:none;display:block'>x</div>",
        "<div style='height:0'>x</div>",
        "<div style='overflow:hidden;height:10px'>x</div>",
        "<noscript>x</noscript>",
        "<iframe>y</iframe>x",
        "<td style='font-size:0px'><div style='font-size:16px'>x</div></td>",
        "<div style='visibility:hidden'><b style='visibility:visible'>x</b></div>",
    ] {
        check(shown, "x", 0);
    }
    check("<div hidden><div>a</div>b<p>c</div>d", "d", 3);
    check("<div hidden><blockquote>a</div>b", "b", 1);
    check("<div hidden><ol><li>a</ol></div><ol><li>b</ol>", "1. b", 2);
    // What never ends hides nothing, and a comment may end at once.
    check("a<!-->b", "ab", 0);
    check("a<!-- b <p>c", "a b\n\nc", 0);
    check("a<script>b <p>c", "ab\n\nc", 0);
    check("<title>a</title>b<title>c", "bc", 0);
    let mail = read::read(b"Content-Type: text/html\n\n<div style='display:none'>Preheader</div>Text");
    assert_eq!(mail.text, "Text");
    assert!(mail.problems.iter().any(|p| p.contains("holds 9 letters")), "{:?}", mail.problems);
}
