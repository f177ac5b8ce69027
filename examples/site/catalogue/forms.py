# SPDX-License-Identifier: Apache-2.0
from django import forms

from .models import Entry


class EntryForm(forms.ModelForm):
    class Meta:
        model = Entry
        fields = ["author", "text"]
        widgets = {"text": forms.Textarea(attrs={"rows": 4})}


class UploadForm(forms.Form):
    file = forms.FileField(allow_empty_file=True)
