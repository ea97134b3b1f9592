"""Names that somebody gives as their own: after 我叫, 我是, 姓名, "my name is".

A name cannot be told from a word by its form, so only these few beginnings count, and
after the vague ones (我是, "I am") the name must stand alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: The commonest family names of mainland, Hong Kong and Taiwan, about nine people in ten.
_FAMILY = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程"
    "苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝"
    "龚邵万钱严覃武戴莫孔向汤張劉陳楊黃趙吳孫馬羅鄭謝許韓馮鄧葉蘇魏呂盧鍾譚陸賈韋鄒龍賀顧龔"
    "錢嚴湯溫蕭關歐簡紀"
)
_DOUBLE = "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|长孙|司徒|歐陽|諸葛|東方|張簡"
#: What goes on with the sentence and is part of no given name.
_GOES_ON = "的了在是要想有住来去给把和与跟就也不没吗呢吧啊办请问今昨现，"
_HAN = "\u4e00-\u9fff"
_GIVEN = rf"[{_HAN}](?:(?![{_GOES_ON}])[{_HAN}])?"
_CHINESE = rf"(?:(?:{_DOUBLE})|[{_FAMILY}])(?![{_GOES_ON}]){_GIVEN}"
_MIDDLE_DOT = rf"[{_HAN}]{{1,7}}(?:[·・•][{_HAN}]{{1,7}})+"
_TITLE = rf"[{_FAMILY}](?=先生|女士|小姐|太太)"
_END = r"(?=\s*(?:[,，.。!！?？;；、:：()]|$))"
#: 我是 is mostly followed by what somebody is: 我是江苏人, 我是高中生.
_NO_NAME = (
    r"(?!江苏|江西|江浙|江北|江南|安徽|广东|金华|温州|石家|万宁|龙岩|贵州|白领|高中|高三|高一|高二"
    r"|方便|向日|单身|任何|于是|范围|武汉|马上|黄牛|钱塘|夏天|毛坯|雷州|段长|金融|程序|严重|周边|周末)"
)
_NO_ENDING = r"(?<![人生员民户女男儿者籍领师工亲身侨家主属长子友])"

_AFTER_CHINESE = re.compile(
    r"(?:我(?:的名字)?叫(?:做|作)?|我的名字是|本人叫|名叫|姓名(?:是|为)?)[ :：]{0,3}"
    rf"(?P<it>{_MIDDLE_DOT}|{_TITLE}|{_CHINESE})"
    rf"|(?:我是|本人|我就是) ?(?P<vague>{_TITLE}|{_MIDDLE_DOT}{_END}"
    rf"|{_NO_NAME}{_CHINESE}{_NO_ENDING}{_END})"
)
_WORD = r"[A-Z][A-Za-z'’-]{0,30}"
_LOW = r"[a-z'-]{2,30}"
_NO_FIRST = (
    r"(?!(?:not|wrong|missing|mis\w+|incorrect\w*|spelled|spelt|on|in|still|the|already|too)\b)"
)
_AFTER_ENGLISH = re.compile(
    rf"\b(?i:my (?:full )?name(?: is|'s|’s|:)) ?(?P<it>{_WORD}(?: {_WORD}){{0,3}})"
    rf"|\b(?i:my (?:full )?name(?: is|'s|’s)) (?P<low>{_NO_FIRST}{_LOW}(?: (?!and\b){_LOW})?)"
    r"(?= ?(?:[,.;!?\n]|and\b|$))"
    rf"|\bI(?: am|'m|’m) (?P<vague>{_WORD}(?: {_WORD}){{1,2}})(?= ?(?:[,.;!?\n]|$))"
)


def named(text: str) -> Iterator[tuple[int, int]]:
    """Where somebody's own name stands: (start, end) of each."""
    for pattern in (_AFTER_CHINESE, _AFTER_ENGLISH):
        for match in pattern.finditer(text):
            group = match.lastgroup
            assert group is not None
            yield match.span(group)
