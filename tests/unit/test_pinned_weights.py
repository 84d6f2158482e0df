import hashlib
from pathlib import Path

from vadlab.pretrained.pinned_weights import KNOWN, Archive, PublicFile, WebFile


def test_the_table_quotes_the_published_accuracies_and_full_hashes() -> None:
    accuracy = {record.name: (record.top1, record.top5) for record in KNOWN}
    assert accuracy == {
        "i3d-rgb-kinetics": (68.4, 88.0),
        "i3d-rgb-imagenet-kinetics": (71.1, 89.3),
        "i3d-flow-imagenet-kinetics": (63.4, 84.9),
        "c3d-sports1m": (None, None),
        "efficientnet-lite0-imagenet": (None, None),
    }
    for record in KNOWN:
        kind, _, digits = record.hash.partition(":")
        assert len(digits) == {"sha256": 64, "git-sha1": 40}[kind]
        assert record.licence and record.source and record.note
        assert record.in_channels == (2 if "flow" in record.name else 3)


def test_files_are_hashed_as_sha256sum_and_git_hash_them(tmp_path: Path) -> None:
    path = tmp_path / "hello"
    path.write_bytes(b"hello\n")
    # Printed by `printf 'hello\n' | git hash-object --stdin`.
    public = next(record.origin for record in KNOWN if isinstance(record.origin, PublicFile))
    assert public.hash_of(path) == "git-sha1:ce013625030ba8dba906f756967f9e9ca394464a"
    archive = next(record.origin for record in KNOWN if isinstance(record.origin, Archive))
    web = next(record.origin for record in KNOWN if isinstance(record.origin, WebFile))
    for origin in (archive, web):
        assert origin.hash_of(path) == "sha256:" + hashlib.sha256(b"hello\n").hexdigest()


def test_the_name_of_a_file_of_openmmlab_holds_the_beginning_of_its_hash() -> None:
    """And its size leaves 2.7 kB for other than the 77,995,776 parameters up to fc7, 4 bytes each."""
    (web,) = (record.origin for record in KNOWN if isinstance(record.origin, WebFile))
    assert web.file == f"c3d_sports1m_pretrain_20201016-{web.sha256[:8]}.pth"
    assert 0 < web.size - 4 * 77_995_776 < 4096


def test_a_public_file_is_fetched_at_its_commit() -> None:
    file = PublicFile("owner/name", "0123456789abcdef", "models/x.pt", "00")
    assert file.url == "https://raw.githubusercontent.com/owner/name/0123456789abcdef/models/x.pt"
    assert file.file == "x.pt"
    assert str(file) == "models/x.pt of github.com/owner/name at 0123456789ab"
