set terminal pngcairo size 640,480 noenhanced font ',10.9' background rgb '#ffffff'
set encoding utf8
$data0 << EOD
0 0 -0.5 0.5 -0.5 0.5 0
1 0 0.5 5.5 -0.5 0.5 1
10 0 5.5 14.5 -0.5 0.5 2
0 1 -0.5 0.5 0.5 1.5 3
10 1 5.5 14.5 0.5 1.5 5
EOD
set xrange [-2.5:12.5]
set yrange [1.5:-0.5]
set palette defined (0 '#440154', 1 '#472d7b', 2 '#3b528b', 3 '#2c728e', 4 '#21918c', 5 '#28ae80', 6 '#5ec962', 7 '#addc30', 8 '#fde725')
set cbrange [0:5]
set border 15 front lw 1 lc rgb '#6e7781'
set xtics nomirror out scale 0.6 ('0' 0, '5' 5, '10' 10) textcolor rgb '#24292f'
set ytics nomirror out scale 0.6 ('-0.5' -0.5, '0' 0, '0.5' 0.5, '1.0' 1, '1.5' 1.5) textcolor rgb '#24292f'
set cbtics nomirror out scale 0.6 ('0' 0, '1' 1, '2' 2, '3' 3, '4' 4, '5' 5) textcolor rgb '#24292f'
set colorbox
unset key
plot $data0 using 1:2:3:4:5:6:7 with boxxyerror fill solid 1 noborder lc palette notitle
